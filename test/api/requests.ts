import { arn } from "../review/logs.ts";
import { HASH, INCIDENT, PACK, PROOF, PROPOSAL, post, secretArn } from "./world.ts";

const CREDENTIAL = secretArn("db/orders-000");
const containment = { id: "order-0001", credential: CREDENTIAL, scenario: "exfiltrated", reason: "leaked" };
const opening = { name: "q4", deadline: "2026-12-23T08:00:00.000Z" };

/** A request for every operation that whoever has its role may make. */
export const requests: Readonly<Record<string, readonly [path: string, init?: RequestInit]>> = {
  getMe: ["/me"],
  listCredentials: ["/credentials"],
  getCredential: [`/credentials/${encodeURIComponent(CREDENTIAL)}`],
  getHistory: [`/history/${arn("c0")}`],
  getTrail: ["/trail/w0?month=2026-01"],
  getIncidentEvents: ["/incidents/inc-1/events"],
  getApprovals: ["/approvals?month=2026-01"],
  listOverdue: ["/overdue"],
  listIncidents: ["/incidents"],
  getIncident: [`/incidents/${INCIDENT}`],
  contain: ["/containments", post(containment)],
  restore: [`/incidents/${INCIDENT}/restore`, post({})],
  listQueries: ["/queries"],
  answerQuery: ["/queries/Q23"],
  getHoldings: ["/holdings/w0"],
  listFrameworks: ["/controls"],
  assessFramework: ["/controls/nist-csf"],
  reportPhases: ["/phases"],
  getLedgerHead: ["/ledger"],
  getCheckpoint: ["/ledger/checkpoint"],
  getCheckpointOfYear: ["/ledger/shard/2027/checkpoint"],
  getTileOfYear: ["/ledger/shard/2027/tile/0/000.p/1"],
  proveEntry: ["/ledger/proofs/3"],
  getTile: ["/ledger/tile/entries/000.p/61"],
  orderEvidence: ["/evidence", post({ of: "nist-csf:RS.MI-01" })],
  takeEvidence: [`/evidence/${PACK}`],
  listProposals: ["/proposals"],
  getProposal: [`/proposals/${PROPOSAL}`],
  approveProposal: [`/proposals/${PROPOSAL}/approve`, post({ hash: HASH, proof: PROOF })],
  denyProposal: [`/proposals/${PROPOSAL}/deny`, post({ reason: "no", proof: PROOF })],
  listReviews: ["/reviews"],
  openReview: ["/reviews", post(opening)],
  getReview: ["/reviews/q4"],
  decideItem: ["/reviews/q4/decisions", post({ credential: arn("c0"), decision: "keep" })],
  signReview: ["/reviews/q4/signature", post({})],
};
