import { z } from "@hono/zod-openapi";
import { withoutSecrets } from "../../domain/audit/export_targets.ts";
import type { AuditExport } from "../../domain/audit/exports.ts";
import type { Principal } from "../../domain/identity/mod.ts";
import { jsonOperation, type Uses } from "../operation.ts";
import {
  fieldMask,
  listOf,
  pageBody,
  pageJson,
  pageOf,
  pageQuery,
  searchText,
  textIn,
  timestamp,
} from "../primitives.ts";
import { eventOut, eventsJson } from "./events.ts";

const PATH = "/api/v1/systemlog/exports";
const NAME_CHARS_MAX = 256;
const REFS_MAX = 100;

const FORMATS = {
  EXPORT_FORMAT_UNSPECIFIED: "none",
  EXPORT_FORMAT_OCSF_JSON_ZSTD: "zstd",
  EXPORT_FORMAT_OCSF_JSON_GZIP: "gzip",
} as const;
const FORMAT_NAMES = Object.keys(FORMATS) as (keyof typeof FORMATS)[];

const STATES = ["EXPORT_STATE_EXPORTING", "EXPORT_STATE_WAITING", "EXPORT_STATE_ERROR"] as const;

const datasourceIn = z.object({
  datasourceId: textIn.default("").openapi({
    description: "An http or https URL, or the name of a file in `--audit-export-dir`",
  }),
  format: z.enum(FORMAT_NAMES).default("EXPORT_FORMAT_UNSPECIFIED").openapi({
    description: "How JSON lines are compressed: not at all if unspecified",
  }),
  prefix: textIn.default("").openapi({ description: "Start of the name of the file" }),
}).openapi("invoked.ExportToDatasource");

const datasourceOut = z.object({
  datasourceId: z.string().openapi({
    description: "Of a URL, callers who may not change exports see scheme and host alone",
  }),
  format: z.enum(FORMAT_NAMES),
  prefix: z.string(),
}).openapi("c1.api.systemlog.v1.ExportToDatasource");

const exporterOut = z.object({
  exportId: z.string(),
  displayName: z.string(),
  datasource: datasourceOut,
  state: z.enum(STATES),
  error: z.string().optional().openapi({ description: "Why the last attempt failed" }),
  watermarkEventId: z.string().openapi({
    description: "`metadata.uid` of the last event that was exported; empty before the first",
  }),
  createdAt: timestamp,
  updatedAt: timestamp,
}).openapi("c1.api.systemlog.v1.Exporter");

const exporterAnswer = z.object({ exporter: exporterOut });

const nameIn = textIn.max(NAME_CHARS_MAX);

/** The API's form of an export, for a caller. */
function exporterJson(
  { row, state }: AuditExport,
  { access }: Principal,
): z.input<typeof exporterOut> {
  const { id, displayName, prefix, watermarkUid, error, createdAt, updatedAt } = row;
  const datasourceId = access.may(updateExport.operationId)
    ? row.datasourceId
    : withoutSecrets(row.datasourceId);
  const format = FORMAT_NAMES.find((name) => FORMATS[name] === row.format) ??
    "EXPORT_FORMAT_UNSPECIFIED";
  return {
    exportId: id,
    displayName,
    datasource: { datasourceId, format, prefix },
    state: `EXPORT_STATE_${state}`,
    ...error === null ? {} : { error },
    watermarkEventId: watermarkUid,
    createdAt,
    updatedAt,
  };
}

function targetOf({ format, ...target }: z.output<typeof datasourceIn>) {
  return { ...target, format: FORMATS[format] };
}

const listExports = jsonOperation({
  operationId: "c1.api.systemlog.v1.ExportService.List",
  route: `GET ${PATH}`,
  summary: "List the exports of the audit log, newest first",
  permission: "log:read",
  query: pageQuery,
  response: listOf(exporterOut),
  async handle({ query, principal }, { auditExports }: Uses<"auditExports">) {
    const all = { displayName: "", ids: undefined };
    return pageJson(
      await auditExports.search(all, pageOf(query)),
      (one) => exporterJson(one, principal),
    );
  },
});

const searchExports = jsonOperation({
  operationId: "c1.api.systemlog.v1.ExportsSearchService.Search",
  route: "POST /api/v1/search/systemlog/exports",
  summary: "Find exports of the audit log by their names or ids",
  permission: "log:read",
  body: z.object({
    ...pageBody,
    displayName: searchText.default("").openapi({ description: "In the display name" }),
    query: searchText.default("").openapi({ description: "As displayName, if that is empty" }),
    refs: z.array(z.object({ exportId: z.string() })).max(REFS_MAX).default([]),
  }).openapi("c1.api.systemlog.v1.ExportsSearchServiceSearchRequest"),
  response: listOf(exporterOut),
  async handle({ body, principal }, { auditExports }: Uses<"auditExports">) {
    const { displayName, query, refs, ...page } = body;
    const ids = refs.length === 0 ? undefined : refs.map(({ exportId }) => exportId);
    const filter = { displayName: displayName || query, ids };
    return pageJson(await auditExports.search(filter, page), (one) => exporterJson(one, principal));
  },
});

const createExport = jsonOperation({
  operationId: "c1.api.systemlog.v1.ExportService.Create",
  route: `POST ${PATH}`,
  summary: "Export the audit log to a file or a URL, from the oldest event on",
  permission: "log:write",
  body: z.object({ displayName: nameIn.min(1), datasource: datasourceIn })
    .openapi("c1.api.systemlog.v1.ExportServiceCreateRequest"),
  response: exporterAnswer,
  async handle({ body, principal }, { auditExports }: Uses<"auditExports">) {
    const { displayName, datasource } = body;
    const made = await auditExports.create({ displayName, target: targetOf(datasource) });
    return { exporter: exporterJson(made, principal) };
  },
});

const getExport = jsonOperation({
  operationId: "c1.api.systemlog.v1.ExportService.Get",
  route: `GET ${PATH}/{export_id}`,
  summary: "Get an export of the audit log",
  permission: "log:read",
  response: exporterAnswer,
  async handle({ params, principal }, { auditExports }: Uses<"auditExports">) {
    return { exporter: exporterJson(await auditExports.get(params.export_id), principal) };
  },
});

const updateExport = jsonOperation({
  operationId: "c1.api.systemlog.v1.ExportService.Update",
  route: `POST ${PATH}/{export_id}`,
  summary: "Change the masked fields of an export: displayName, datasource",
  permission: "log:write",
  body: z.object({
    exporter: z.object({
      displayName: nameIn.optional(),
      datasource: datasourceIn.optional(),
    }),
    updateMask: fieldMask.optional(),
  }).openapi("c1.api.systemlog.v1.ExportServiceUpdateRequest"),
  response: exporterAnswer,
  async handle({ params, body, principal }, { auditExports }: Uses<"auditExports">) {
    const { exporter: { displayName, datasource }, updateMask } = body;
    const change = {
      ...displayName === undefined ? {} : { displayName },
      ...datasource === undefined ? {} : { target: targetOf(datasource) },
    };
    const changed = await auditExports.update(params.export_id, change, updateMask);
    return { exporter: exporterJson(changed, principal) };
  },
});

const deleteExport = jsonOperation({
  operationId: "c1.api.systemlog.v1.ExportService.Delete",
  route: `DELETE ${PATH}/{export_id}`,
  summary: "End an export of the audit log; what it has written stays",
  permission: "log:write",
  async handle({ params }, { auditExports }: Uses<"auditExports">) {
    await auditExports.delete(params.export_id);
  },
});

const listExportEvents = jsonOperation({
  operationId: "c1.api.systemlog.v1.ExportService.ListEvents",
  route: `POST ${PATH}/{export_id}/events`,
  summary: "List the events that an export has written, oldest first",
  permission: "log:read",
  body: z.object(pageBody).openapi("c1.api.systemlog.v1.ExportServiceListEventsRequest"),
  response: listOf(eventOut),
  async handle({ params, body }, { auditExports }: Uses<"auditExports">) {
    const { list, nextPageToken } = await auditExports.events(params.export_id, body);
    return { list: eventsJson(list), nextPageToken };
  },
});

/** Exports of the audit log. */
export const EXPORT_OPERATIONS = [
  listExports,
  createExport,
  getExport,
  updateExport,
  deleteExport,
  searchExports,
  listExportEvents,
];
