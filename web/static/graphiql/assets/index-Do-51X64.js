import{a as e}from"./rolldown-runtime-BWaJ3C7D.js";import{a as t,c as n,i as r,l as i,n as a,o,r as s,s as c,t as ee,u as l}from"./graphiql-dXPSQMRx.js";import{$ as u,B as d,Q as f,W as p,Z as te,s as ne}from"./monaco-B4zog8z5.js";var m=e(l(),1),re=i();self.MonacoEnvironment={getWorker(e,t){return t===`json`?new f:t===`graphql`?new te:new u}};var ie={vs:{token:`number`,foreground:`#07704a`},"vs-dark":{token:`comment`,foreground:`#7fa86d`}},{defineTheme:ae}=p;p.defineTheme=(e,t)=>{let n=ie[t.base];ae(e,n?{...t,rules:[...t.rules,n]}:t)};var oe=`analysis_00000000000000000000000000`,h=`batch_00000000000000000000000000`,g=({analysis:e=oe})=>({id:e}),_=({batch:e=h})=>({id:e}),v=[{group:`Start here`,title:`First look`,description:`The server’s health and its analyzers.`,query:`query FirstLook {
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
    id
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
`,variables:_},{group:`Watch`,title:`Watch an analysis`,description:`The current state, then every change, until the analysis ends.`,query:`subscription WatchAnalysis($id: ID!) {
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
`,variables:g},{group:`Watch`,title:`Read the event log`,description:`Past events, oldest first. “Watch all events” continues after the last one.`,query:`query ReadEvents($filter: EventFilter, $first: Int, $after: String) {
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
      id
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
      id
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
`,variables:g},{group:`Read`,title:`Batches and their items`,description:`The last batches, with their failed items and the errors.`,query:`query PageBatches($first: Int) {
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
          id
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
`,variables:g},{group:`Control`,title:`Cancel an analysis`,description:`Cancels a queued or running analysis; a finished one is refused.`,query:`mutation CancelAnalysis($input: CancelAnalysisInput!) {
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
`,variables:e=>({input:g(e)})},{group:`Control`,title:`Retry an analysis`,description:`Queues a failed, canceled or timed-out analysis again.`,query:`mutation RetryAnalysis($input: RetryAnalysisInput!) {
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
`,variables:e=>({input:g(e)})},{group:`Control`,title:`Cancel a batch`,description:`Cancels all unfinished items of a batch.`,query:`mutation CancelBatch($input: CancelBatchInput!) {
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
`,variables:e=>({input:_(e)})},{group:`Control`,title:`Retry a batch`,description:`Queues its failed, canceled and timed-out items again.`,query:`mutation RetryBatch($input: RetryBatchInput!) {
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
`,variables:e=>({input:_(e)})}],y=`# Welcome to Assay.
#
#   Ctrl-Enter   runs the operation
#   Ctrl-Space   completes a word
#   Hover        explains a word
#
# The icons: schema, examples,
# explorer, and your history.

query Welcome {
  health {
    status
    recommendations
  }
  analyzers {
    id
    name
    description
    scoreMeaning
  }
}
`;function b(){return matchMedia(`(width < 900px)`).matches}var x=`assay:seen`;function S(){try{return JSON.parse(sessionStorage.getItem(x)??`{}`)}catch{return{}}}function C(e){let t={};if(w(e,t),Object.keys(t).length!==0)try{sessionStorage.setItem(x,JSON.stringify({...S(),...t}))}catch{}}function w(e,t){if(Array.isArray(e))for(let n of e)w(n,t);else if(typeof e==`object`&&e){for(let[n,r]of Object.entries(e))if(typeof r!=`string`){let e=n===`events`?T(r):void 0;e!==void 0&&(t.cursor=e),w(r,t)}else if(n===`id`||n===`subjectId`){let e=r.slice(0,r.indexOf(`_`));(e===`analysis`||e===`batch`)&&(t[e]??=r)}}}function T(e){let{cursor:t,pageInfo:n}=e??{},r=t??n?.endCursor;return typeof r==`string`?r:void 0}function E(){let{addTab:e,stop:n}=o(),r=t(e=>e.queryEditor),i=t(e=>e.variableEditor),a=t(e=>e.headerEditor);return(t,o)=>{let s=a?.getValue()??``;n(),e(),r?.setValue(t),i?.setValue(o),a?.setValue(s),r?.setScrollTop(0),r?.focus()}}var D=c(),se=[...new Set(v.map(({group:e})=>e))];function O({query:e}){return e.slice(0,e.indexOf(` `))}function ce(){return(0,D.jsx)(`svg`,{viewBox:`0 0 24 24`,fill:`none`,stroke:`currentColor`,strokeWidth:`1.5`,"aria-hidden":`true`,children:(0,D.jsx)(`path`,{strokeLinecap:`round`,strokeLinejoin:`round`,d:`M9.5 3h5M10.5 3v6.2L4.9 18.4A1.7 1.7 0 0 0 6.4 21h11.2a1.7 1.7 0 0 0 1.5-2.6L13.5 9.2V3M7.6 14.5h8.8`})})}function le(){let e=E(),{setVisiblePlugin:t}=o();function n({query:n,variables:r}){e(n,r?JSON.stringify(r(S()),null,2):``),b()&&t(null)}return(0,D.jsxs)(`section`,{className:`examples`,"aria-label":`Examples`,children:[(0,D.jsx)(`h2`,{className:`examples-title`,children:`Examples`}),(0,D.jsx)(`p`,{className:`examples-note`,children:`Each example opens in a new tab, with the ids and cursors of the last response.`}),se.map(e=>(0,D.jsxs)(`div`,{children:[(0,D.jsx)(`h3`,{className:`examples-group`,children:e}),(0,D.jsx)(`ul`,{className:`examples-list`,children:v.filter(t=>t.group===e).map(e=>(0,D.jsx)(`li`,{children:(0,D.jsxs)(`button`,{type:`button`,className:`examples-item`,onClick:()=>n(e),children:[(0,D.jsx)(`span`,{className:`examples-name`,children:e.title}),(0,D.jsx)(`span`,{className:`examples-kind examples-${O(e)}`,children:O(e)}),(0,D.jsx)(`span`,{className:`examples-description`,children:e.description})]})},e.title))})]},e))]})}var k={title:`Examples`,icon:ce,content:le},{content:A,...j}=a({showAttribution:!1});function M(){let e=t(e=>e.schema);return(0,m.useEffect)(()=>{document.querySelector(`.graphiql-explorer-root select`)?.setAttribute(`aria-label`,`Type of the new operation`)},[e]),(0,D.jsx)(A,{})}var N={...j,content:M};ne();var P=new URL(`../../`,import.meta.url),F=new URL(`graphql`,P).href,I=new URL(`dashboard`,P).href,L=new URL(`metrics`,P).href,R={state:`idle`},z=new Set;function B(){return R}function V(e){R=e;for(let e of z)e()}function H(e){return z.add(e),()=>z.delete(e)}var U=20;function W(e){try{return d(e)}catch{return}}function ue(e,t){let n=e?.definitions.filter(e=>e.kind===`OperationDefinition`)??[];return n.find(e=>e.name?.value===t)??(n.length===1?n[0]:void 0)}async function G(e,t){let n;try{n=await fetch(e,t)}catch{throw Error(`The server did not respond. Is it running?`)}let r=n.headers.get(`content-type`)??``;if(!/json|multipart/.test(r))throw Error(`The response has status ${n.status} ${n.statusText} and type ${r||`none`}, not JSON.`);return n}async function de(e,t){let n=performance.now();V({state:`waiting`});try{let r=await G(e,t);return V({state:`answered`,code:r.status,milliseconds:performance.now()-n}),r.clone().json().then(C,()=>void 0),r}catch(e){throw V({state:`failed`}),e}}function fe(e){let t=new URL(F);t.protocol=t.protocol===`https:`?`wss:`:`ws:`;let n,r;return ee({url:t.href,lazy:!0,connectionParams:e,connectionAckWaitTimeout:1e4,keepAlive:1e4,retryAttempts:U,shouldRetry:()=>!0,retryWait:e=>new Promise(t=>setTimeout(t,250+Math.random()*Math.min(1e4,250*2**e))),on:{ping:e=>{e||(r=setTimeout(()=>n?.close(4408,`Request Timeout`),5e3))},pong:e=>{e&&clearTimeout(r)},opened:e=>{n=e},closed:()=>{clearTimeout(r);let e=B();e.state===`live`&&V({...e,state:`reconnecting`})}}})}var K;function pe(e){let t=JSON.stringify(e);return K?.headers!==t&&(K?.client.dispose(),K={headers:t,client:fe(e)}),K.client}function me(e){if(e instanceof CloseEvent){let t=e.reason?`: ${e.reason}`:``;return Error(`The connection for subscriptions was closed with ${e.code}${t}.`)}return e instanceof Event?Error(`The connection for subscriptions failed.`):e}function he(e,t){let n=(n,r)=>{let i={...n.variables},a=0;return V({state:`live`,messages:a}),e.subscribe({...n,variables:i},{next:e=>{V({state:`live`,messages:++a}),C(e);let n=t&&T(e.data?.events);n&&(i.after=n),r.next(e)},error:e=>{V({state:`failed`}),r.error(me(e))},complete:()=>{B().state!==`failed`&&V({state:`ended`,messages:a}),r.complete()}})};return{...e,subscribe:n}}var ge=(e,t)=>{let r=t?.headers??{};if(e.operationName===`IntrospectionQuery`)return n({url:F,fetch:G})(e,{headers:r});let i=W(e.query),a=ue(i,e.operationName),o=a?.operation===`subscription`,s=a?.variableDefinitions?.some(e=>e.variable.name.value===`after`)??!1;return n({url:F,fetch:de,...o&&{wsClient:he(pe(r),s)}})({...e,operationName:a?.name?.value??e.operationName??null},{headers:r,...i&&{documentAST:i}})};function _e(){return(0,D.jsxs)(`header`,{className:`top`,children:[(0,D.jsx)(`h1`,{children:(0,D.jsxs)(`a`,{className:`logo`,href:F,children:[(0,D.jsxs)(`svg`,{viewBox:`0 0 32 32`,"aria-hidden":`true`,children:[(0,D.jsx)(`path`,{d:`M16 1.5 28.6 8.8v14.4L16 30.5 3.4 23.2V8.8z`,fill:`#0f766e`}),(0,D.jsx)(`path`,{d:`M10.5 21.5v-5M16 21.5v-11M21.5 21.5v-8`,stroke:`#fff`,strokeWidth:`3`,strokeLinecap:`round`})]}),`Assay `,(0,D.jsx)(`span`,{className:`quiet`,children:`GraphiQL`})]})}),(0,D.jsxs)(`nav`,{"aria-label":`Other pages`,children:[(0,D.jsx)(`a`,{href:I,children:`Dashboard`}),(0,D.jsx)(`a`,{href:L,children:`Metrics`})]})]})}function q(){let e=new URLSearchParams(location.hash.slice(1)),t=e.get(`query`);if(t!==null)return history.replaceState(history.state,``,location.pathname+location.search),{query:t,variables:ve(e.get(`variables`)??``)}}function ve(e){try{return JSON.stringify(JSON.parse(e),null,2)}catch{return e}}function ye(){let e=E();return(0,m.useEffect)(()=>{let t=()=>{let t=q();t&&e(t.query,t.variables)};return addEventListener(`hashchange`,t),()=>removeEventListener(`hashchange`,t)}),null}function J(e){return`${e} ${e===1?`message`:`messages`}`}function be(e){switch(e.state){case`idle`:return``;case`waiting`:return`Waiting for the response…`;case`answered`:return`Status ${e.code} in ${e.milliseconds.toFixed(0)} ms`;case`live`:return e.messages?`Live: ${J(e.messages)}, showing the last one`:`Live: waiting for the first message`;case`reconnecting`:return`Connection lost, trying again… (${J(e.messages)} so far)`;case`ended`:return`Ended after ${J(e.messages)}`;case`failed`:return`Failed`}}function xe(){let e=(0,m.useSyncExternalStore)(H,B),n=t(e=>e.tabs[e.activeTabIndex]?.id),r=t(e=>e.tabs[e.activeTabIndex]?.response);return(0,m.useEffect)(()=>V({state:`idle`}),[n]),(0,D.jsxs)(D.Fragment,{children:[e.state===`idle`&&!r&&(0,D.jsx)(`p`,{className:`hint`,children:`The response appears here. Ctrl-Enter runs the operation.`}),(0,D.jsx)(`div`,{className:`status`,"data-state":e.state,children:be(e)})]})}var Y=`graphiql:`;function Se(e){try{return JSON.stringify(JSON.parse(e,(e,t)=>e===`headers`?null:t))}catch{return e}}var Ce={getItem:()=>null,setItem:()=>{},removeItem:()=>{},clear:()=>{},length:0};function X(){let e;try{e=localStorage}catch{return Ce}let t=()=>Object.keys(e).filter(e=>e.startsWith(Y));return{getItem:t=>t===`${Y}visiblePlugin`&&b()?``:e.getItem(t),setItem:(t,n)=>{t!==`${Y}headers`&&e.setItem(t,Se(n))},removeItem:t=>e.removeItem(t),clear:()=>t().forEach(t=>e.removeItem(t)),get length(){return t().length}}}function we(){let e=t(e=>e.theme),{setTheme:n}=o();return(0,m.useEffect)(()=>{if(e!==null)return;let t=()=>n(null),r=matchMedia(`(prefers-color-scheme: dark)`);return r.addEventListener(`change`,t),()=>r.removeEventListener(`change`,t)},[e,n]),null}function Te(){let e=t(e=>e.tabs),n=t(e=>e.activeTabIndex);(0,m.useLayoutEffect)(()=>{document.querySelector(`.graphiql-tabs`)?.setAttribute(`role`,`list`),document.querySelector(`#graphiql-session`)?.setAttribute(`role`,`group`);for(let e of document.querySelectorAll(`.graphiql-tab`)){e.setAttribute(`role`,`listitem`),e.removeAttribute(`aria-selected`);let t=e.classList.contains(`graphiql-tab-active`);e.querySelector(`.graphiql-tab-button`)?.setAttribute(`aria-current`,`${t}`)}},[e,n]);let r=e[n];return(0,m.useLayoutEffect)(()=>{document.querySelector(`.graphiql-tab-active`)?.scrollIntoView({inline:`nearest`,block:`nearest`})},[r?.id,r?.title]),null}var Ee=[k,N,r],Z=X(),Q=q(),De=Q&&{initialQuery:Q.query,initialVariables:Q.variables},Oe=!b()&&Z.getItem(`graphiql:visiblePlugin`)===null?k:``;function ke(){return(0,D.jsxs)(D.Fragment,{children:[(0,D.jsx)(_e,{}),(0,D.jsx)(`main`,{children:(0,D.jsxs)(s,{...De,fetcher:ge,plugins:Ee,visiblePlugin:Oe,defaultQuery:y,defaultEditorToolsVisibility:!b()||Q?.variables?`variables`:!1,storage:Z,shouldPersistHeaders:!1,showPersistHeadersSettings:!1,inputValueDeprecation:!0,schemaDescription:!0,children:[(0,D.jsx)(s.Logo,{children:null}),(0,D.jsxs)(s.Footer,{children:[(0,D.jsx)(xe,{}),(0,D.jsx)(we,{}),(0,D.jsx)(Te,{}),(0,D.jsx)(ye,{})]})]})})]})}var $=document.getElementById(`root`);if(!$)throw Error(`The page has no #root.`);(0,re.createRoot)($).render((0,D.jsx)(m.StrictMode,{children:(0,D.jsx)(ke,{})}));