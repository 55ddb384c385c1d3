import{a as e}from"./rolldown-runtime-BWaJ3C7D.js";import{a as t,c as n,i as r,l as i,n as a,o,r as s,s as c,t as l,u}from"./graphiql-DqyI_4rj.js";import{H as d,Q as f,X as p,Z as m,l as h}from"./monaco-BswUIiTz.js";var g=e(u(),1),_=i();self.MonacoEnvironment={getWorker(e,t){return t===`json`?new m:t===`graphql`?new p:new f}};var ee=`analysis_00000000000000000000000000`,te=`batch_00000000000000000000000000`,v=({analysis:e=ee})=>({id:e}),y=({batch:e=te})=>({id:e}),b=[{group:`Start here`,title:`First look`,description:`The server’s health and its analyzers.`,query:`query FirstLook {
  health {
    status
    components {
      name
      status
      message
    }
    recommendations
  }
  analyzers {
    name
    version
    description
    scoreMeaning
    resultTypeName
  }
}
`},{group:`Submit`,title:`Analyze a text`,description:`Submits a text and waits up to ten seconds for the result.`,query:`mutation AnalyzeText($input: SubmitAnalysisInput!) {
  submitAnalysis(input: $input) {
    analysis {
      id
      status
      processingTimeMs
      result {
        score
        tags
        summary
      }
      error {
        code
        message
      }
    }
    userErrors {
      code
      message
      path
    }
  }
}
`,variables:()=>({input:{request:{text:{text:`The new trains are wonderful: quiet, quick and never late. Only the coffee is still terrible.`}},waitSeconds:10}})},{group:`Submit`,title:`A batch with one bad item`,description:`Three texts: the empty one fails with its key, the others run.`,query:`mutation AnalyzeBatch($input: BatchProcessInput!) {
  batchProcess(input: $input) {
    batch {
      id
      status
      totalItems
      processed
      failed
      results {
        nodes {
          id
          key
          status
          result {
            summary
          }
          error {
            code
            message
          }
        }
      }
    }
    userErrors {
      code
      message
      path
    }
  }
}
`,variables:()=>({input:{name:`Three reviews`,waitSeconds:10,items:[{key:`praise`,request:{text:{text:`A delight from the first page to the last.`}}},{key:`empty`,request:{text:{text:``}}},{key:`complaint`,request:{text:{text:`It broke within a week, and nobody answered my letters.`}}}]}})},{group:`Submit`,title:`A batch of sixty`,description:`Responds before the batch has run; “Watch a batch” follows it.`,query:`mutation StartBatch($input: BatchProcessInput!) {
  batchProcess(input: $input) {
    batch {
      id
      status
      totalItems
      queued
    }
    userErrors {
      code
      message
      path
    }
  }
}
`,variables:()=>({input:{name:`Sixty notes`,items:Array.from({length:60},(e,t)=>({key:`note-${t+1}`,request:{text:{text:`Note ${t+1}: the harbour was calm, and the boats came home early.`}}}))}})},{group:`Watch`,title:`Watch a batch`,description:`Progress, rate and remaining time, until the batch ends.`,query:`subscription WatchBatch($id: ID!) {
  batch(id: $id) {
    id
    status
    progress {
      fraction
      step
      etaSeconds
    }
    processed
    failed
    running
    queued
    itemsPerSecond
  }
}
`,variables:y},{group:`Watch`,title:`Watch an analysis`,description:`The current state, then every change, until the analysis ends.`,query:`subscription WatchAnalysis($id: ID!) {
  analysis(id: $id) {
    id
    status
    attempt
    progress {
      fraction
      step
      etaSeconds
    }
    result {
      summary
    }
  }
}
`,variables:v},{group:`Watch`,title:`Read the event log`,description:`Past events, oldest first. “Watch all events” continues after the last one.`,query:`query ReadEvents($filter: EventFilter, $first: Int, $after: String) {
  events(filter: $filter, first: $first, after: $after) {
    nodes {
      cursor
      type
      occurredAt
      subjectId
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
`,variables:()=>({filter:{},first:10,after:null})},{group:`Watch`,title:`Watch all events`,description:`By type, after the last cursor: first missed events, then live ones.`,query:`subscription WatchEvents($filter: EventFilter, $after: String) {
  events(filter: $filter, after: $after) {
    cursor
    type
    occurredAt
    subjectId
    ... on AnalysisEvent {
      status
      progress {
        fraction
      }
      error {
        code
        message
      }
    }
    ... on BatchEvent {
      batchStatus: status
      processed
      failed
      totalItems
    }
  }
}
`,variables:({cursor:e})=>({filter:{types:[`ANALYSIS_STARTED`,`ANALYSIS_COMPLETED`,`ANALYSIS_FAILED`,`BATCH_PROGRESS`,`BATCH_COMPLETED`]},after:e??null})},{group:`Watch`,title:`Live metrics`,description:`Load, queue, workers and latency, every two seconds.`,query:`subscription LiveMetrics($intervalSeconds: Float) {
  metrics(intervalSeconds: $intervalSeconds) {
    timestamp
    instance
    uptimeSeconds
    system {
      cpuPercent
      memoryMb
    }
    queue {
      depth
      running
      oldestSeconds
      byPriority {
        priority
        depth
      }
    }
    batches {
      running
      itemsPerSecond
    }
    http {
      requestsTotal
      errorsTotal
      latency {
        p50Ms
        p95Ms
        p99Ms
      }
    }
    workers {
      instance
      alive
      completed
      failed
    }
    health {
      status
      recommendations
    }
  }
}
`,variables:()=>({intervalSeconds:2})},{group:`Read`,title:`Page through analyses`,description:`Filtered, newest first, with the total; “after” selects the page.`,query:`query PageAnalyses($filter: AnalysisFilter, $orderBy: AnalysisOrder, $first: Int, $after: String) {
  analyses(filter: $filter, orderBy: $orderBy, first: $first, after: $after) {
    totalCount
    nodes {
      id
      key
      status
      inputText
      createdAt
      processingTimeMs
      result {
        score
        summary
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
`,variables:()=>({filter:{status:[`COMPLETED`,`FAILED`],analyzer:[`text`]},orderBy:{field:`CREATED_AT`,direction:`DESC`},first:5,after:null})},{group:`Read`,title:`Read a typed result`,description:`The fields of all results, and those of a text’s result.`,query:`query ReadResult($id: ID!) {
  analysis(id: $id) {
    id
    status
    inputText
    options
    analyzer {
      name
      scoreMeaning
    }
    result {
      __typename
      score
      tags
      summary
      ... on TextResult {
        language {
          code
          name
          reliable
        }
        sentiment {
          label
          score
        }
        keywords {
          text
          score
          count
        }
        statistics {
          words
          sentences
          readingTimeSeconds
          readability {
            level
            readingEase
          }
        }
        unavailable {
          operation
          message
        }
      }
    }
    error {
      code
      message
      retryable
    }
  }
}
`,variables:v},{group:`Read`,title:`Batches and their items`,description:`The last batches, with their failed items and the errors.`,query:`query PageBatches($first: Int) {
  batches(first: $first) {
    totalCount
    nodes {
      id
      name
      status
      totalItems
      processed
      failed
      totalProcessingTimeMs
      results(first: 5, status: [FAILED]) {
        nodes {
          key
          error {
            code
            message
          }
        }
      }
    }
  }
}
`,variables:()=>({first:5})},{group:`Read`,title:`Anything by its id`,description:`node(id) returns the object of any id.`,query:`query AnyNode($id: ID!) {
  node(id: $id) {
    __typename
    id
    ... on Analysis {
      analysisStatus: status
      batch {
        id
      }
      events(first: 10) {
        nodes {
          type
          occurredAt
        }
      }
    }
    ... on Batch {
      batchStatus: status
      totalItems
    }
    ... on Analyzer {
      name
    }
    ... on Worker {
      instance
      alive
    }
  }
}
`,variables:v},{group:`Control`,title:`Cancel an analysis`,description:`Cancels a queued or running analysis; a finished one is refused.`,query:`mutation CancelAnalysis($input: CancelAnalysisInput!) {
  cancelAnalysis(input: $input) {
    analysis {
      id
      status
    }
    userErrors {
      code
      message
      path
    }
  }
}
`,variables:e=>({input:v(e)})},{group:`Control`,title:`Retry an analysis`,description:`Queues a failed, canceled or timed-out analysis again.`,query:`mutation RetryAnalysis($input: RetryAnalysisInput!) {
  retryAnalysis(input: $input) {
    analysis {
      id
      status
      attempt
      maxAttempts
    }
    userErrors {
      code
      message
      path
    }
  }
}
`,variables:e=>({input:v(e)})},{group:`Control`,title:`Cancel a batch`,description:`Cancels all unfinished items of a batch.`,query:`mutation CancelBatch($input: CancelBatchInput!) {
  cancelBatch(input: $input) {
    batch {
      id
      status
      processed
      canceled
    }
    userErrors {
      code
      message
      path
    }
  }
}
`,variables:e=>({input:y(e)})},{group:`Control`,title:`Retry a batch`,description:`Queues its failed, canceled and timed-out items again.`,query:`mutation RetryBatch($input: RetryBatchInput!) {
  retryBatch(input: $input) {
    batch {
      id
      status
      queued
      processed
      failed
    }
    userErrors {
      code
      message
      path
    }
  }
}
`,variables:e=>({input:y(e)})}],x=`# Welcome to Assay.
#
#   Ctrl-Enter   runs the operation
#   Ctrl-Space   completes a word
#   Hover        explains a word
#
# On the left: schema, examples,
# explorer, and your history.

query Welcome {
  health {
    status
    recommendations
  }
  analyzers {
    name
    description
    scoreMeaning
  }
}
`,S=`assay:seen`;function C(){try{return JSON.parse(sessionStorage.getItem(S)??`{}`)}catch{return{}}}function w(e){let t={};if(T(e,t),Object.keys(t).length!==0)try{sessionStorage.setItem(S,JSON.stringify({...C(),...t}))}catch{}}function T(e,t){if(Array.isArray(e))for(let n of e)T(n,t);else if(typeof e==`object`&&e){for(let[n,r]of Object.entries(e))if(typeof r!=`string`){let e=n===`events`?E(r):void 0;e!==void 0&&(t.cursor=e),T(r,t)}else if(n===`id`||n===`subjectId`){let e=r.slice(0,r.indexOf(`_`));(e===`analysis`||e===`batch`)&&(t[e]??=r)}}}function E(e){let{cursor:t,pageInfo:n}=e??{},r=t??n?.endCursor;return typeof r==`string`?r:void 0}var D=n(),ne=[...new Set(b.map(({group:e})=>e))];function O({query:e}){return e.slice(0,e.indexOf(` `))}function re(){return(0,D.jsx)(`svg`,{viewBox:`0 0 24 24`,fill:`none`,stroke:`currentColor`,strokeWidth:`1.5`,"aria-hidden":`true`,children:(0,D.jsx)(`path`,{strokeLinecap:`round`,strokeLinejoin:`round`,d:`M9.5 3h5M10.5 3v6.2L4.9 18.4A1.7 1.7 0 0 0 6.4 21h11.2a1.7 1.7 0 0 0 1.5-2.6L13.5 9.2V3M7.6 14.5h8.8`})})}function k(){let{addTab:e,stop:n}=o(),r=t(e=>e.queryEditor),i=t(e=>e.variableEditor),a=t(e=>e.headerEditor);function s({query:t,variables:o}){let s=a?.getValue()??``;n(),e(),r?.setValue(t),i?.setValue(o?JSON.stringify(o(C()),null,2):``),a?.setValue(s),r?.setScrollTop(0),r?.focus()}return(0,D.jsxs)(`section`,{className:`examples`,"aria-label":`Examples`,children:[(0,D.jsx)(`h2`,{className:`examples-title`,children:`Examples`}),(0,D.jsx)(`p`,{className:`examples-note`,children:`Each example opens in a new tab, with the ids and cursors of the last response.`}),ne.map(e=>(0,D.jsxs)(`div`,{children:[(0,D.jsx)(`h3`,{className:`examples-group`,children:e}),(0,D.jsx)(`ul`,{className:`examples-list`,children:b.filter(t=>t.group===e).map(e=>(0,D.jsx)(`li`,{children:(0,D.jsxs)(`button`,{type:`button`,className:`examples-item`,onClick:()=>s(e),children:[(0,D.jsx)(`span`,{className:`examples-name`,children:e.title}),(0,D.jsx)(`span`,{className:`examples-kind examples-${O(e)}`,children:O(e)}),(0,D.jsx)(`span`,{className:`examples-description`,children:e.description})]})},e.title))})]},e))]})}var A={title:`Examples`,icon:re,content:k};h();var j={state:`idle`},M=new Set;function N(){return j}function P(e){j=e;for(let e of M)e()}function F(e){return M.add(e),()=>M.delete(e)}var I=`/graphql`,L=20;function R(e){try{return d(e)}catch{return}}function z(e,t){let n=e?.definitions.filter(e=>e.kind===`OperationDefinition`)??[];return n.find(e=>e.name?.value===t)??(n.length===1?n[0]:void 0)}async function B(e,t){let n;try{n=await fetch(e,t)}catch{throw Error(`The server did not respond. Is it running?`)}let r=n.headers.get(`content-type`)??``;if(!/json|multipart/.test(r))throw Error(`The response has status ${n.status} ${n.statusText} and type ${r||`none`}, not JSON.`);return n}async function V(e,t){let n=performance.now();P({state:`waiting`});try{let r=await B(e,t);return P({state:`answered`,code:r.status,milliseconds:performance.now()-n}),r.clone().json().then(w,()=>void 0),r}catch(e){throw P({state:`failed`}),e}}function H(e){let t=new URL(I,location.href);t.protocol=t.protocol===`https:`?`wss:`:`ws:`;let n,r;return l({url:t.href,lazy:!0,connectionParams:e,connectionAckWaitTimeout:1e4,keepAlive:1e4,retryAttempts:L,shouldRetry:()=>!0,retryWait:e=>new Promise(t=>setTimeout(t,250+Math.random()*Math.min(1e4,250*2**e))),on:{ping:e=>{e||(r=setTimeout(()=>n?.close(4408,`Request Timeout`),5e3))},pong:e=>{e&&clearTimeout(r)},opened:e=>{n=e},closed:()=>{clearTimeout(r);let e=N();e.state===`live`&&P({...e,state:`reconnecting`})}}})}var U;function W(e){let t=JSON.stringify(e);return U?.headers!==t&&(U?.client.dispose(),U={headers:t,client:H(e)}),U.client}function G(e){if(e instanceof CloseEvent){let t=e.reason?`: ${e.reason}`:``;return Error(`The connection for subscriptions was closed with ${e.code}${t}.`)}return e instanceof Event?Error(`The connection for subscriptions failed.`):e}function K(e,t){let n=(n,r)=>{let i={...n.variables},a=0;return P({state:`live`,messages:a}),e.subscribe({...n,variables:i},{next:e=>{P({state:`live`,messages:++a}),w(e);let n=t&&E(e.data?.events);n&&(i.after=n),r.next(e)},error:e=>{P({state:`failed`}),r.error(G(e))},complete:()=>{N().state!==`failed`&&P({state:`ended`,messages:a}),r.complete()}})};return{...e,subscribe:n}}var q=(e,t)=>{let n=t?.headers??{};if(e.operationName===`IntrospectionQuery`)return c({url:I,fetch:B})(e,{headers:n});let r=R(e.query),i=z(r,e.operationName),a=i?.operation===`subscription`,o=i?.variableDefinitions?.some(e=>e.variable.name.value===`after`)??!1;return c({url:I,fetch:V,...a&&{wsClient:K(W(n),o)}})({...e,operationName:i?.name?.value??e.operationName??null},{headers:n,...r&&{documentAST:r}})};function J(e){return`${e} ${e===1?`message`:`messages`}`}function Y(e){switch(e.state){case`idle`:return``;case`waiting`:return`Waiting for the response…`;case`answered`:return`Status ${e.code} in ${e.milliseconds.toFixed(0)} ms`;case`live`:return e.messages?`Live: ${J(e.messages)}, showing the last one`:`Live: waiting for the first message`;case`reconnecting`:return`Connection lost, trying again… (${J(e.messages)} so far)`;case`ended`:return`Ended after ${J(e.messages)}`;case`failed`:return`Failed`}}function ie(){let e=(0,g.useSyncExternalStore)(F,N),n=t(e=>e.tabs[e.activeTabIndex]?.id),r=t(e=>e.tabs[e.activeTabIndex]?.title);return(0,g.useEffect)(()=>P({state:`idle`}),[n]),(0,g.useEffect)(()=>{document.querySelector(`.graphiql-tab-active`)?.scrollIntoView({inline:`nearest`,block:`nearest`})},[n,r]),(0,D.jsx)(`div`,{className:`status`,"data-state":e.state,children:Y(e)})}var X=`graphiql:`;function ae(e){try{return JSON.stringify(JSON.parse(e,(e,t)=>e===`headers`?null:t))}catch{return e}}var oe={getItem:()=>null,setItem:()=>{},removeItem:()=>{},clear:()=>{},length:0};function se(){let e;try{e=localStorage}catch{return oe}let t=()=>Object.keys(e).filter(e=>e.startsWith(X));return{getItem:t=>e.getItem(t),setItem:(t,n)=>{t!==`${X}headers`&&e.setItem(t,ae(n))},removeItem:t=>e.removeItem(t),clear:()=>t().forEach(t=>e.removeItem(t)),get length(){return t().length}}}function ce(){let e=t(e=>e.theme),{setTheme:n}=o();return(0,g.useEffect)(()=>{if(e!==null)return;let t=()=>n(null),r=matchMedia(`(prefers-color-scheme: dark)`);return r.addEventListener(`change`,t),()=>r.removeEventListener(`change`,t)},[e,n]),null}var Z=[A,r({showAttribution:!1}),s],Q=se(),le=Q.getItem(`graphiql:visiblePlugin`)===null?A:``;function ue(){return(0,D.jsxs)(a,{fetcher:q,plugins:Z,visiblePlugin:le,defaultQuery:x,defaultEditorToolsVisibility:`variables`,storage:Q,shouldPersistHeaders:!1,showPersistHeadersSettings:!1,inputValueDeprecation:!0,schemaDescription:!0,children:[(0,D.jsx)(a.Logo,{children:(0,D.jsxs)(`a`,{className:`logo`,href:`/graphql`,children:[(0,D.jsxs)(`svg`,{viewBox:`0 0 32 32`,"aria-hidden":`true`,children:[(0,D.jsx)(`path`,{d:`M16 1.5 28.6 8.8v14.4L16 30.5 3.4 23.2V8.8z`,fill:`#0f766e`}),(0,D.jsx)(`path`,{d:`M10.5 21.5v-5M16 21.5v-11M21.5 21.5v-8`,stroke:`#fff`,strokeWidth:`3`,strokeLinecap:`round`})]}),`Assay`]})}),(0,D.jsxs)(a.Footer,{children:[(0,D.jsx)(ie,{}),(0,D.jsx)(ce,{})]})]})}var $=document.getElementById(`root`);if(!$)throw Error(`The page has no #root.`);(0,_.createRoot)($).render((0,D.jsx)(g.StrictMode,{children:(0,D.jsx)(ue,{})}));