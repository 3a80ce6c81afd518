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

/** An export of the audit log to a file or a URL. */
export interface AuditExportTable {
  id: string;
  displayName: string;
  /** The file or URL. */
  datasourceId: string;
  /** In front of the name of the file; empty for a URL. */
  prefix: string;
  format: "none" | "gzip" | "zstd";
  /** The last event that was exported. */
  watermarkSeq: number;
  watermarkUid: string;
  /** Size of the file after that event; null before the first, and for a URL. */
  fileBytes: number | null;
  /** Attempts that failed since the last success. */
  failures: number;
  /** Why the last attempt failed; null if it succeeded. */
  error: string | null;
  /** When the next attempt is due. An attempt that runs has moved it ahead. */
  dueAt: string;
  createdAt: string;
  updatedAt: string;
  deletedAt: string | null;
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

export interface AuditSchema {
  auditEvents: AuditEventTable;
  auditHead: AuditHeadTable;
  auditExports: AuditExportTable;
}
