/** An event of the audit log. The other columns repeat what `event` says, for filters. */
export interface AuditEventTable {
  /** Counts the events from 1, without gaps. */
  seq: number;
  /** `metadata.uid` of the event, a KSUID. */
  uid: string;
  time: string;
  classUid: number;
  /** Id of the principal; empty if the server does not know who it was. */
  actor: string;
  /** Its display name at that time; empty as `actor`. */
  actorName: string;
  operation: string;
  /** What is behind the last dot of the operation. */
  verb: string;
  /** The OCSF event as JSON, exactly as it was hashed. */
  event: string;
  /** SHA-256 in hexadecimal over the hash before, a newline, and `event`. */
  hash: string;
}

/** Where the chain of events ends, and where it begins. It has one row. */
export interface AuditHeadTable {
  id: number;
  /** The last event. */
  seq: number;
  uid: string;
  hash: string;
  /** The last event that retention erased; 0 without one. */
  baseSeq: number;
  baseHash: string;
}
