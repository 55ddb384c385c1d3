// Shared by both Node servers: the schema of the events, and the next event.
export const typeDefs = `
  type Query { hello: String }
  type Progress { fraction: Float! step: String! }
  type Fault { code: String! }
  type AnalysisEvent {
    cursor: String! type: String! occurredAt: String! subjectId: ID!
    status: String! progress: Progress! error: Fault
  }
  type Subscription { events: AnalysisEvent! }
`;

const step = "extracting page 12 of 40 ".repeat(20).slice(0, 414);
let number = 0;

export function nextEvent() {
  number += 1;
  return {
    cursor: `s0-${number.toString(16)}-275412e9`,
    type: "ANALYSIS_PROGRESS",
    occurredAt: "2026-01-01T00:00:00.000Z",
    subjectId: "analysis_01m81d1s2hfggag402m4sbq3n0",
    status: "RUNNING",
    progress: { fraction: 0.3, step },
    error: null,
  };
}

// The clock shared by all processes of the machine, in seconds.
export const now = () => Number(process.hrtime.bigint()) / 1e9;
