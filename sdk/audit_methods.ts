/** Namespaces of `sdk` for the audit log, as C1's SDK names them. Additions of this server say so. */
import type { Answered, Nothing } from "./api_request.ts";
import type { PageOf, PageRequest, RequestOptions } from "./api_types.ts";

/** An OCSF 1.3 event. */
export type AuditEvent = Record<string, unknown>;

export interface SystemLogServiceListEventsRequest extends PageRequest {
  since?: Date | string;
  until?: Date | string;
  sinceEventUid?: string;
  untilEventUid?: string;
  sortDirection?: "SORT_DIRECTION_UNSPECIFIED" | "SORT_DIRECTION_ASC" | "SORT_DIRECTION_DESC";
  /** Id or display name of a principal. An addition of this server. */
  actor?: string;
  /** An addition of this server. */
  operation?: string;
  /** Id or name that the event has. An addition of this server. */
  resource?: string;
}

export interface ExportToDatasource {
  /** A URL, or the name of a file. */
  datasourceId?: string;
  format?:
    | "EXPORT_FORMAT_UNSPECIFIED"
    | "EXPORT_FORMAT_OCSF_JSON_ZSTD"
    | "EXPORT_FORMAT_OCSF_JSON_GZIP";
  prefix?: string;
}

/** An export of the audit log. */
export interface Exporter {
  exportId?: string;
  displayName?: string;
  datasource?: ExportToDatasource;
  state?:
    | "EXPORT_STATE_UNSPECIFIED"
    | "EXPORT_STATE_EXPORTING"
    | "EXPORT_STATE_WAITING"
    | "EXPORT_STATE_ERROR";
  /** An addition of this server. */
  error?: string;
  watermarkEventId?: string;
  createdAt?: Date;
  updatedAt?: Date;
}

/** What is wrong with an event of the audit log. An addition of this server. */
export interface AuditFinding {
  kind?: "changed" | "missing" | "reordered" | "inserted" | "cut";
  eventUid?: string;
  sequence?: string;
  description?: string;
}

interface OfExport {
  exportId: string;
}

/** The audit log. */
export interface SystemLog {
  listEvents(
    request?: SystemLogServiceListEventsRequest,
    options?: RequestOptions,
  ): Answered<"systemLogServiceListEventsResponse", PageOf<AuditEvent>>;
  /** Checks the hash chain. An addition of this server. */
  verify(
    request?: { head?: string },
    options?: RequestOptions,
  ): Answered<
    "verifyAuditLogResponse",
    {
      head?: { sequence?: string; eventUid?: string; hash?: string };
      erasedUpTo?: string;
      events?: string;
      findings?: AuditFinding[];
    }
  >;
}

/** Exports of the audit log. */
export interface Export {
  list(
    request?: PageRequest,
    options?: RequestOptions,
  ): Answered<"exportServiceListResponse", PageOf<Exporter>>;
  create(
    request?: { displayName?: string; datasource?: ExportToDatasource },
    options?: RequestOptions,
  ): Answered<"exportServiceCreateResponse", { exporter?: Exporter }>;
  get(
    request: OfExport,
    options?: RequestOptions,
  ): Answered<"exportServiceGetResponse", { exporter?: Exporter }>;
  update(
    request: OfExport & {
      exportServiceUpdateRequest?: { exporter?: Exporter; updateMask?: string };
    },
    options?: RequestOptions,
  ): Answered<"exportServiceUpdateResponse", { exporter?: Exporter }>;
  delete(
    request: OfExport & { exportServiceDeleteRequest?: Nothing },
    options?: RequestOptions,
  ): Answered<"exportServiceDeleteResponse", Nothing>;
  listEvents(
    request: OfExport & { exportServiceListEventsRequest?: PageRequest },
    options?: RequestOptions,
  ): Answered<"exportServiceListEventsResponse", PageOf<AuditEvent>>;
}

/** Finds exports of the audit log. */
export interface ExportsSearch {
  search(
    request?: PageRequest & {
      displayName?: string;
      query?: string;
      refs?: { exportId?: string }[];
    },
    options?: RequestOptions,
  ): Answered<"exportsSearchServiceSearchResponse", PageOf<Exporter>>;
}
