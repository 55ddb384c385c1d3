import{a as e}from"./rolldown-runtime-BWaJ3C7D.js";import{a as t,c as n,i as r,l as i,n as a,o,r as s,s as c,t as ee,u as te}from"./graphiql-dXPSQMRx.js";import{$ as ne,B as l,Q as u,W as d,Z as re,s as ie}from"./monaco-B4zog8z5.js";var f=e(te(),1),ae=i();self.MonacoEnvironment={getWorker(e,t){return t===`json`?new u:t===`graphql`?new re:new ne}};var oe={vs:{token:`number`,foreground:`#07704a`},"vs-dark":{token:`comment`,foreground:`#7fa86d`}},{defineTheme:se}=d;d.defineTheme=(e,t)=>{let n=oe[t.base];se(e,n?{...t,rules:[...t.rules,n]}:t)};var ce=`analysis_00000000000000000000000000`,le=`batch_00000000000000000000000000`,p=({analysis:e=ce})=>({id:e}),m=({batch:e=le})=>({id:e}),h=[{group:`Start here`,title:`First look`,description:`The server’s health and its analyzers.`,query:`query FirstLook {
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
`,variables:m},{group:`Watch`,title:`Watch an analysis`,description:`The current state, then every change, until the analysis ends.`,query:`subscription WatchAnalysis($id: ID!) {
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
`,variables:p},{group:`Watch`,title:`Read the event log`,description:`Past events, oldest first. “Watch all events” continues after the last one.`,query:`query ReadEvents($filter: EventFilter, $first: Int, $after: String) {
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
`,variables:p},{group:`Read`,title:`Batches and their items`,description:`The last batches, with their failed items and the errors.`,query:`query PageBatches($first: Int) {
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
`,variables:p},{group:`Control`,title:`Cancel an analysis`,description:`Cancels a queued or running analysis; a finished one is refused.`,query:`mutation CancelAnalysis($input: CancelAnalysisInput!) {
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
`,variables:e=>({input:p(e)})},{group:`Control`,title:`Retry an analysis`,description:`Queues a failed, canceled or timed-out analysis again.`,query:`mutation RetryAnalysis($input: RetryAnalysisInput!) {
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
`,variables:e=>({input:p(e)})},{group:`Control`,title:`Cancel a batch`,description:`Cancels all unfinished items of a batch.`,query:`mutation CancelBatch($input: CancelBatchInput!) {
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
`,variables:e=>({input:m(e)})},{group:`Control`,title:`Retry a batch`,description:`Queues its failed, canceled and timed-out items again.`,query:`mutation RetryBatch($input: RetryBatchInput!) {
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
`,variables:e=>({input:m(e)})}],g=`# Welcome to Assay.
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
`;function _(){return matchMedia(`(width < 900px)`).matches}var v=`assay:seen`;function y(){try{return JSON.parse(sessionStorage.getItem(v)??`{}`)}catch{return{}}}function b(e){let t={};if(x(e,t),Object.keys(t).length!==0)try{sessionStorage.setItem(v,JSON.stringify({...y(),...t}))}catch{}}function x(e,t){if(Array.isArray(e))for(let n of e)x(n,t);else if(typeof e==`object`&&e){for(let[n,r]of Object.entries(e))if(typeof r!=`string`){let e=n===`events`?S(r):void 0;e!==void 0&&(t.cursor=e),x(r,t)}else if(n===`id`||n===`subjectId`){let e=r.slice(0,r.indexOf(`_`));(e===`analysis`||e===`batch`)&&(t[e]??=r)}}}function S(e){let{cursor:t,pageInfo:n}=e??{},r=t??n?.endCursor;return typeof r==`string`?r:void 0}function C(){let{addTab:e,stop:n}=o(),r=t(e=>e.queryEditor),i=t(e=>e.variableEditor),a=t(e=>e.headerEditor);return(t,o)=>{let s=a?.getValue()??``;n(),e(),r?.setValue(t),i?.setValue(o),a?.setValue(s),r?.setScrollTop(0),r?.focus()}}var w=c(),ue=[...new Set(h.map(({group:e})=>e))];function T({query:e}){return e.slice(0,e.indexOf(` `))}function de(){return(0,w.jsx)(`svg`,{viewBox:`0 0 24 24`,fill:`none`,stroke:`currentColor`,strokeWidth:`1.5`,"aria-hidden":`true`,children:(0,w.jsx)(`path`,{strokeLinecap:`round`,strokeLinejoin:`round`,d:`M9.5 3h5M10.5 3v6.2L4.9 18.4A1.7 1.7 0 0 0 6.4 21h11.2a1.7 1.7 0 0 0 1.5-2.6L13.5 9.2V3M7.6 14.5h8.8`})})}function fe(){let e=C(),{setVisiblePlugin:t}=o();function n({query:n,variables:r}){e(n,r?JSON.stringify(r(y()),null,2):``),_()&&t(null)}return(0,w.jsxs)(`section`,{className:`examples`,"aria-label":`Examples`,children:[(0,w.jsx)(`h2`,{className:`examples-title`,children:`Examples`}),(0,w.jsx)(`p`,{className:`examples-note`,children:`Each example opens in a new tab, with the ids and cursors of the last response.`}),ue.map(e=>(0,w.jsxs)(`div`,{children:[(0,w.jsx)(`h3`,{className:`examples-group`,children:e}),(0,w.jsx)(`ul`,{className:`examples-list`,children:h.filter(t=>t.group===e).map(e=>(0,w.jsx)(`li`,{children:(0,w.jsxs)(`button`,{type:`button`,className:`examples-item`,onClick:()=>n(e),children:[(0,w.jsx)(`span`,{className:`examples-name`,children:e.title}),(0,w.jsx)(`span`,{className:`examples-kind examples-${T(e)}`,children:T(e)}),(0,w.jsx)(`span`,{className:`examples-description`,children:e.description})]})},e.title))})]},e))]})}var E={title:`Examples`,icon:de,content:fe},{content:pe,...me}=a({showAttribution:!1});function he(){let e=t(e=>e.schema);return(0,f.useEffect)(()=>{document.querySelector(`.graphiql-explorer-root select`)?.setAttribute(`aria-label`,`Type of the new operation`)},[e]),(0,w.jsx)(pe,{})}var ge={...me,content:he};ie();var D=new URL(`../../`,import.meta.url),O=new URL(`graphql`,D).href,_e=new URL(`auth/`,D).href,ve=new URL(`dashboard`,D).href,k=new URL(`metrics`,D).href,A=`mutation SessionInvitation($invitation: String!, $password: String!) {
  acceptInvitation(input: { invitation: $invitation, password: $password }) { viewer { name } userErrors { message } }
}`,j=`assay-session`,M=`assay-workspace`,N=6e4,P=5e3,F=`The server did not respond. Is it running?`,ye=()=>isSecureContext,I=new class{graphql;auth;current={state:`unknown`};token;timer;listeners=new Set;channel=new BroadcastChannel(j);shown;constructor(e,t){this.graphql=e,this.auth=t,this.channel.onmessage=({data:e})=>{e===`out`?this.end(`You have signed out in another tab.`):this.take(e.token)}}get value(){return this.current}listen(e){return this.listeners.add(e),()=>this.listeners.delete(e)}async begin(){let e=await this.viewer();if(e&&!e.isSignedIn)return this.set({state:`open`});await this.refresh()||this.set({state:`out`,reason:``})}async headers(){for(;this.current.state!==`open`;){if(this.token&&this.token.expiresAt>Date.now())return this.own();this.current.state===`in`?await this.refresh()||await new Promise(e=>setTimeout(e,P)):await this.change()}return{}}refused(e){this.token&&e===`Bearer ${this.token.value}`&&(this.token.expiresAt=0)}async signIn(e,t){let n=await this.post(`token`,{username:e,password:t,cookie:!0});return typeof n==`string`?n:(await this.share(n),null)}async accept(e,t){try{let{acceptInvitation:n}=await this.ask(A,{invitation:e,password:t}),{viewer:r,userErrors:i}=n;return i[0]?i[0].message:r?await this.signIn(r.name,t):`Your password is set, but you are in no workspace yet: ask an administrator.`}catch(e){return e.message}}async signOut(){await this.post(`sign-out`,{}),this.channel.postMessage(`out`),this.end(``)}enter(e){localStorage.setItem(M,e),location.reload()}own(){let e=localStorage.getItem(M);return{...this.token&&{Authorization:`Bearer ${this.token.value}`},...e&&{"X-Assay-Workspace":e}}}set(e){this.current=e;for(let e of this.listeners)e()}change(){return new Promise(e=>{let t=this.listen(()=>{t(),e()})})}end(e){this.token=void 0,clearTimeout(this.timer),this.set({state:`out`,reason:e})}async take(e){if(this.token=e,clearTimeout(this.timer),this.timer=setTimeout(()=>void this.refresh(),e.expiresAt-Date.now()-N),this.current.state===`in`)return;let t=await this.viewer()??(localStorage.removeItem(M),await this.viewer());t&&(this.shown!==void 0&&this.shown!==t.name&&location.reload(),this.shown=t.name,this.set({state:`in`,viewer:t}))}async share(e){await this.take(e),this.channel.postMessage({token:e})}async refresh(){let e=this.token,t=async()=>{if(this.token&&this.token!==e)return!0;let t=await this.post(`refresh`,{});return t===F?(clearTimeout(this.timer),this.timer=setTimeout(()=>void this.refresh(),P),!1):typeof t==`string`?(this.current.state===`in`&&this.end(`Your session has ended.`),!1):(await this.share(t),!0)};return`locks`in navigator?navigator.locks.request(j,t):t()}async post(e,t){let n;try{n=await fetch(this.auth+e,{method:`POST`,headers:{"Content-Type":`application/json`,"GraphQL-Require-Preflight":`1`},body:JSON.stringify(t)})}catch{return F}if(n.status>=500)return F;let r=await n.json().catch(()=>({}));return r.access_token?{value:r.access_token,expiresAt:Date.now()+1e3*(r.expires_in??0)}:r.error_description??`The server answered with status ${n.status}.`}async viewer(){return(await this.ask(`query SessionViewer {
  viewer { name isSignedIn isAdministrator role workspace { slug name } memberships { workspace { slug name } } }
}`,{}))?.viewer??null}async ask(e,t){return(await(await fetch(this.graphql,{method:`POST`,headers:{"Content-Type":`application/json`,...this.own()},body:JSON.stringify({query:e,variables:t})}).catch(()=>{throw Error(F)})).json()).data}}(O,_e),be=e=>I.listen(e),L=()=>(0,f.useSyncExternalStore)(be,()=>I.value),R=e=>Object.keys(e).some(e=>e.toLowerCase()===`authorization`);async function z(e){return R(e)?e:{...await I.headers(),...e}}async function xe(e,t={}){let n=t.headers??{};for(let r=!0;;r=!1){let i=await z(n),a=await fetch(e,{...t,headers:i});if(a.status!==401||I.value.state===`open`||R(n)||!r)return a;I.refused(i.Authorization)}}async function B(){try{await I.begin()}catch{setTimeout(()=>void B(),1e3)}}var V={state:`idle`},H=new Set;function U(){return V}function W(e){V=e;for(let e of H)e()}function Se(e){return H.add(e),()=>H.delete(e)}var Ce=20,we=4403;function Te(e){try{return l(e)}catch{return}}function Ee(e,t){let n=e?.definitions.filter(e=>e.kind===`OperationDefinition`)??[];return n.find(e=>e.name?.value===t)??(n.length===1?n[0]:void 0)}async function G(e,t){let n;try{n=await xe(e,t)}catch{throw Error(`The server did not respond. Is it running?`)}let r=n.headers.get(`content-type`)??``;if(!/json|multipart/.test(r))throw Error(`The response has status ${n.status} ${n.statusText} and type ${r||`none`}, not JSON.`);return n}async function De(e,t){let n=performance.now();W({state:`waiting`});try{let r=await G(e,t);return W({state:`answered`,code:r.status,milliseconds:performance.now()-n}),r.clone().json().then(b,()=>void 0),r}catch(e){throw W({state:`failed`}),e}}function Oe(e){let t=new URL(O);t.protocol=t.protocol===`https:`?`wss:`:`ws:`;let n,r,i;return ee({url:t.href,lazy:!0,connectionParams:async()=>{let{"X-Assay-Workspace":t,...n}=await z(e);return r=n.Authorization,{...n,...t&&{workspace:t}}},connectionAckWaitTimeout:1e4,keepAlive:1e4,retryAttempts:Ce,shouldRetry:()=>!0,retryWait:e=>new Promise(t=>setTimeout(t,250+Math.random()*Math.min(1e4,250*2**e))),on:{ping:e=>{e||(i=setTimeout(()=>n?.close(4408,`Request Timeout`),5e3))},pong:e=>{e&&clearTimeout(i)},opened:e=>{n=e},closed:e=>{clearTimeout(i),e.code===we&&I.refused(r);let t=U();t.state===`live`&&W({...t,state:`reconnecting`})}}})}var K;function ke(e){let t=JSON.stringify(e);return K?.headers!==t&&(K?.client.dispose(),K={headers:t,client:Oe(e)}),K.client}function Ae(e){if(e instanceof CloseEvent){let t=e.reason?`: ${e.reason}`:``;return Error(`The connection for subscriptions was closed with ${e.code}${t}.`)}return e instanceof Event?Error(`The connection for subscriptions failed.`):e}function je(e,t){let n=(n,r)=>{let i={...n.variables},a=0;return W({state:`live`,messages:a}),e.subscribe({...n,variables:i},{next:e=>{W({state:`live`,messages:++a}),b(e);let n=t&&S(e.data?.events);n&&(i.after=n),r.next(e)},error:e=>{W({state:`failed`}),r.error(Ae(e))},complete:()=>{U().state!==`failed`&&W({state:`ended`,messages:a}),r.complete()}})};return{...e,subscribe:n}}var Me=(e,t)=>{let r=t?.headers??{};if(e.operationName===`IntrospectionQuery`)return n({url:O,fetch:G})(e,{headers:r});let i=Te(e.query),a=Ee(i,e.operationName),o=a?.operation===`subscription`,s=a?.variableDefinitions?.some(e=>e.variable.name.value===`after`)??!1;return n({url:O,fetch:De,...o&&{wsClient:je(ke(r),s)}})({...e,operationName:a?.name?.value??e.operationName??null},{headers:r,...i&&{documentAST:i}})};function Ne(){let e=L();return(0,w.jsxs)(`header`,{className:`top`,children:[(0,w.jsx)(`h1`,{children:(0,w.jsxs)(`a`,{className:`logo`,href:O,children:[(0,w.jsxs)(`svg`,{viewBox:`0 0 32 32`,"aria-hidden":`true`,children:[(0,w.jsx)(`path`,{d:`M16 1.5 28.6 8.8v14.4L16 30.5 3.4 23.2V8.8z`,fill:`#0f766e`}),(0,w.jsx)(`path`,{d:`M10.5 21.5v-5M16 21.5v-11M21.5 21.5v-8`,stroke:`#fff`,strokeWidth:`3`,strokeLinecap:`round`})]}),`Assay `,(0,w.jsx)(`span`,{className:`quiet`,children:`GraphiQL`})]})}),(0,w.jsxs)(`nav`,{"aria-label":`Other pages`,children:[(0,w.jsx)(`a`,{href:ve,children:`Dashboard`}),(0,w.jsx)(`a`,{href:k,children:`Metrics`}),e.state===`in`&&(0,w.jsx)(`button`,{type:`button`,title:`Signed in as ${e.viewer.name}`,onClick:()=>void I.signOut(),children:`Sign out`})]})]})}function q(){let e=new URLSearchParams(location.hash.slice(1)),t=e.get(`query`);if(t!==null)return history.replaceState(history.state,``,location.pathname+location.search),{query:t,variables:Pe(e.get(`variables`)??``)}}function Pe(e){try{return JSON.stringify(JSON.parse(e),null,2)}catch{return e}}function Fe(){let e=C();return(0,f.useEffect)(()=>{let t=()=>{let t=q();t&&e(t.query,t.variables)};return addEventListener(`hashchange`,t),()=>removeEventListener(`hashchange`,t)}),null}function J(e){return`${e} ${e===1?`message`:`messages`}`}function Ie(e){switch(e.state){case`idle`:return``;case`waiting`:return`Waiting for the response…`;case`answered`:return`Status ${e.code} in ${e.milliseconds.toFixed(0)} ms`;case`live`:return e.messages?`Live: ${J(e.messages)}, showing the last one`:`Live: waiting for the first message`;case`reconnecting`:return`Connection lost, trying again… (${J(e.messages)} so far)`;case`ended`:return`Ended after ${J(e.messages)}`;case`failed`:return`Failed`}}function Le(){let e=(0,f.useSyncExternalStore)(Se,U),n=t(e=>e.tabs[e.activeTabIndex]?.id),r=t(e=>e.tabs[e.activeTabIndex]?.response);return(0,f.useEffect)(()=>W({state:`idle`}),[n]),(0,w.jsxs)(w.Fragment,{children:[e.state===`idle`&&!r&&(0,w.jsx)(`p`,{className:`hint`,children:`The response appears here. Ctrl-Enter runs the operation.`}),(0,w.jsx)(`div`,{className:`status`,"data-state":e.state,children:Ie(e)})]})}function Re(){let e=L();return e.state===`out`?(0,w.jsx)(ze,{reason:e.reason}):null}function ze({reason:e}){let t=(0,f.useRef)(null),[n,r]=(0,f.useState)(``),[i,a]=(0,f.useState)(!1);(0,f.useEffect)(()=>{t.current.open||t.current.showModal()},[]);let o=async e=>{let t=new FormData(e);a(!0),r(``);let n=await I.signIn(String(t.get(`name`)).trim(),String(t.get(`password`)));a(!1),n&&r(n)};return(0,w.jsxs)(`dialog`,{ref:t,className:`sign-in`,"aria-labelledby":`sign-in-title`,onCancel:e=>e.preventDefault(),children:[(0,w.jsx)(`h2`,{id:`sign-in-title`,children:`Sign in to Assay`}),e&&(0,w.jsx)(`p`,{children:e}),(0,w.jsxs)(`form`,{onSubmit:e=>{e.preventDefault(),o(e.currentTarget)},children:[(0,w.jsxs)(`label`,{children:[(0,w.jsx)(`span`,{children:`Name`}),(0,w.jsx)(`input`,{name:`name`,autoComplete:`username`,required:!0,maxLength:1e3,spellCheck:!1,autoCapitalize:`none`})]}),(0,w.jsxs)(`label`,{children:[(0,w.jsx)(`span`,{children:`Password`}),(0,w.jsx)(`input`,{name:`password`,type:`password`,autoComplete:`current-password`,required:!0,maxLength:1e3})]}),(0,w.jsx)(`p`,{role:`alert`,children:n}),(0,w.jsx)(`button`,{type:`submit`,disabled:i,children:`Sign in`})]}),!ye()&&(0,w.jsx)(`p`,{children:`This page is not served over HTTPS: each reload signs you out.`})]})}var Y=`graphiql:`;function Be(e){try{return JSON.stringify(JSON.parse(e,(e,t)=>e===`headers`?null:t))}catch{return e}}var X={getItem:()=>null,setItem:()=>{},removeItem:()=>{},clear:()=>{},length:0};function Ve(){let e;try{e=localStorage}catch{return X}let t=()=>Object.keys(e).filter(e=>e.startsWith(Y));return{getItem:t=>t===`${Y}visiblePlugin`&&_()?``:e.getItem(t),setItem:(t,n)=>{t!==`${Y}headers`&&e.setItem(t,Be(n))},removeItem:t=>e.removeItem(t),clear:()=>t().forEach(t=>e.removeItem(t)),get length(){return t().length}}}function He(){let e=t(e=>e.theme),{setTheme:n}=o();return(0,f.useEffect)(()=>{if(e!==null)return;let t=()=>n(null),r=matchMedia(`(prefers-color-scheme: dark)`);return r.addEventListener(`change`,t),()=>r.removeEventListener(`change`,t)},[e,n]),null}function Ue(){let e=t(e=>e.tabs),n=t(e=>e.activeTabIndex);(0,f.useLayoutEffect)(()=>{document.querySelector(`.graphiql-tabs`)?.setAttribute(`role`,`list`),document.querySelector(`#graphiql-session`)?.setAttribute(`role`,`group`);for(let e of document.querySelectorAll(`.graphiql-tab`)){e.setAttribute(`role`,`listitem`),e.removeAttribute(`aria-selected`);let t=e.classList.contains(`graphiql-tab-active`);e.querySelector(`.graphiql-tab-button`)?.setAttribute(`aria-current`,`${t}`)}},[e,n]);let r=e[n];return(0,f.useLayoutEffect)(()=>{document.querySelector(`.graphiql-tab-active`)?.scrollIntoView({inline:`nearest`,block:`nearest`})},[r?.id,r?.title]),null}var We=[E,ge,r],Z=Ve(),Q=q(),Ge=Q&&{initialQuery:Q.query,initialVariables:Q.variables},Ke=!_()&&Z.getItem(`graphiql:visiblePlugin`)===null?E:``;function qe(){return(0,w.jsxs)(w.Fragment,{children:[(0,w.jsx)(Ne,{}),(0,w.jsx)(Re,{}),(0,w.jsx)(`main`,{children:(0,w.jsxs)(s,{...Ge,fetcher:Me,plugins:We,visiblePlugin:Ke,defaultQuery:g,defaultEditorToolsVisibility:!_()||Q?.variables?`variables`:!1,storage:Z,shouldPersistHeaders:!1,showPersistHeadersSettings:!1,inputValueDeprecation:!0,schemaDescription:!0,children:[(0,w.jsx)(s.Logo,{children:null}),(0,w.jsxs)(s.Footer,{children:[(0,w.jsx)(Le,{}),(0,w.jsx)(He,{}),(0,w.jsx)(Ue,{}),(0,w.jsx)(Fe,{})]})]})})]})}var $=document.getElementById(`root`);if(!$)throw Error(`The page has no #root.`);(0,ae.createRoot)($).render((0,w.jsx)(f.StrictMode,{children:(0,w.jsx)(qe,{})})),B();