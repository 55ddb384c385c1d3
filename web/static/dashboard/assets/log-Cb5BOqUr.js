import{X as e,nt as t,rt as n}from"./graphql-D5DRsLdb.js";import{h as r,x as i}from"./words-Bj7d6lpa.js";var a=`query DashboardRecent {
  ended: analyses(first: 20, orderBy: { field: FINISHED_AT }) { nodes { id finishedAt } }
  newest: analyses(first: 1) { nodes { id createdAt } }
}`,o=`query DashboardCursorAt($time: DateTime!) { eventsCursorAt(time: $time) }`,s=`subscription DashboardEvents($after: String, $filter: EventFilter) {
  events(after: $after, filter: $filter) {
    __typename cursor type occurredAt subjectId
    ... on AnalysisEvent { analysisStatus: status batchId analyzerName progress { fraction step } error { code message } }
    ... on BatchEvent { batchStatus: status totalItems processed failed }
    ... on AlertEvent { component health alertMessage: message }
    ... on QueueEvent { by }
    ... on BulkActionEvent { done eligible }
  }
}`,c=`subscription DashboardMetrics {
  metrics(intervalSeconds: 1) {
    timestamp instance uptimeSeconds
    system { cpuPercent memoryPercent memoryMb diskPercent }
    http { latency { p50Ms p95Ms p99Ms } }
    batches { total running itemsProcessed itemsFailed itemsPerSecond latency { p50Ms p95Ms p99Ms } }
    queue {
      depth running oldestSeconds byPriority { priority depth oldestSeconds } byAnalyzer { analyzer depth }
      latency { waiting { p50Ms p95Ms p99Ms } processing { p50Ms p95Ms p99Ms } total { p50Ms p95Ms p99Ms } }
    }
    workers {
      id instance slots busy alive lastSeenAt startedAt completed failed cpuPercent memoryMb
      current { id key startedAt progress { fraction step } }
    }
    subscriptions { connections active }
  }
}`,l=`subscription DashboardHealth {
  metrics(intervalSeconds: 5) {
    health { status components { name status message latencyMs } recommendations }
    storage { databaseBytes analyses events files fileBytes }
  }
}`,u=`query DashboardQueue {
  eventsEnd
  queue { ...DashboardQueueParts }
  batches(filter: { status: [QUEUED, RUNNING] }, first: 0) { totalCount }
}
fragment DashboardQueueParts on Queue {
  pausedSince pauseReason concurrency analyzers { analyzer pausedSince pauseReason limit }
}`,d=2e3,f=new i({events:[],total:0,generation:0,resumed:new Set}),p=new i(null),m=new i(null),h={filter:null,since:null},g=new Set,_=()=>[...g].findLast(({types:e})=>e===null),v=e=>`*${JSON.stringify(e)}`;function y(){let e=_();return e?v(e.part??h):[...new Set([...g].flatMap(({types:e})=>e??[]))].sort().join(` `)}var b=``,x=()=>void 0;function S(e){return g.add(e),e.types===null&&b!==y()&&N(e.part??h),()=>void g.delete(e)}function C(e){let t=y();!t.startsWith(`*`)&&t!==b&&t&&(b=t,P(e,{types:t.split(` `)}))}var w=null;function T(e){let{value:t}=f;t.events.push(e),t.total++,t.events.length>22e3&&t.events.splice(0,d),f.touch(),w&&(w.length||t.resumed.add(e),w.push(Date.parse(e.occurredAt)),O());for(let{types:t,take:n}of g)(t===null||t.includes(e.type))&&n(e)}var E=null,D=0;function O(){let{value:e}=p;if(!e||!w)return;let t=E??1/0,n=D+w.filter(e=>e<=t).length,r=E!==null&&w.some(e=>e>t);(n!==e.caughtUp||r!==e.done)&&p.set({...e,caughtUp:n,done:r}),r&&(w=null)}var k=0;function A(e){w&&(E??=Date.parse(e.timestamp),O(),++k>=5&&p.value&&(p.set({...p.value,done:!0}),w=null))}t.add(e=>{if(!e)return;let t=f.value.events.at(-1),{value:n}=p,r=n&&!n.done?n:null;D=r?.caughtUp??0,w=[],E=null,k=0,p.set({behind:r?.behind??(t?{cursor:t.cursor,type:t.type,occurredAt:t.occurredAt}:null),caughtUp:D,done:!1})});async function j({since:t}){let n=new Date(t===null?0:Math.max(0,r()-t*1e3)).toISOString();if(t===null){let{ended:t,newest:r}=await e(a,{});n=t.nodes.findLast(e=>e.finishedAt!==null)?.finishedAt??r.nodes[0]?.createdAt??n}return(await e(o,{time:n})).eventsCursorAt}var M=e=>new Promise(t=>setTimeout(t,e));async function N(e){let t=v(e);for(b=t,x(),x=()=>void 0,f.set({events:[],total:0,generation:f.value.generation+1,resumed:new Set});;){try{let n=await j(e);b===t&&P(n,e.filter);return}catch{await M(500)}if(b!==t)return}}function P(e,t){x();let r={after:e,filter:t};x=n(s,r,({events:e})=>{r.after=e.cursor,T(e)},{refused:e=>{if(!/`after`/.test(e.message))return`retry`;m.set(`The server has another event log than before: the list of events starts anew. (${e.message})`),p.set(null),w=null,b=``;for(let{restarted:e}of g)e?.();let t=_();return t&&N(t.part??h),`stop`}})}export{p as a,c,f as i,u as l,m as n,C as o,A as r,l as s,S as t};