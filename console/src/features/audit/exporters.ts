/** Exports of the audit log without a page: what their form begins with and sends, and how their state reads. */
import { isUrl } from "../../../../src/shared/urls.ts";
import type { Exporter, Schemas } from "../../api/client.ts";

type Format = NonNullable<Schemas["invoked.ExportToDatasource"]["format"]>;

export const FORMATS: readonly { readonly value: Format; readonly label: string }[] = [
  { value: "EXPORT_FORMAT_UNSPECIFIED", label: "JSON lines" },
  { value: "EXPORT_FORMAT_OCSF_JSON_GZIP", label: "JSON lines, gzip" },
  { value: "EXPORT_FORMAT_OCSF_JSON_ZSTD", label: "JSON lines, Zstandard" },
];

/** Where an export writes: the server posts to a URL, or appends to a file. */
type Target = "url" | "file";

/** An export in a form. */
export interface ExportDraft {
  readonly displayName: string;
  readonly target: Target;
  readonly url: string;
  readonly file: string;
  /** Begins the name of the file. */
  readonly prefix: string;
  readonly format: Format;
}

export const NEW_EXPORT: ExportDraft = {
  displayName: "",
  target: "url",
  url: "",
  file: "",
  prefix: "",
  format: "EXPORT_FORMAT_UNSPECIFIED",
};

export function exportDraftOf({ displayName, datasource }: Exporter): ExportDraft {
  const { datasourceId = "", prefix = "", format = NEW_EXPORT.format } = datasource;
  const target = isUrl(datasourceId) ? "url" : "file";
  return { ...NEW_EXPORT, displayName, target, [target]: datasourceId, prefix, format };
}

/** The destination of a draft, as requests have it. */
export function datasourceOf({ target, url, file, prefix, format }: ExportDraft) {
  return target === "url"
    ? { datasourceId: url.trim(), prefix: "", format }
    : { datasourceId: file.trim(), prefix: prefix.trim(), format };
}

/** Whether an export writes elsewhere than before, in any format: there it begins with the oldest event again. */
export function hasMoved(before: ExportDraft, draft: ExportDraft): boolean {
  const [one, other] = [datasourceOf(before), datasourceOf(draft)];
  return one.prefix + one.datasourceId !== other.prefix + other.datasourceId;
}

/** The destination of an export in one line: the URL, or the start of the file's name and the name. */
export function destinationOf(
  { datasource: { datasourceId = "", prefix = "" } }: Exporter,
): string {
  return prefix + datasourceId;
}

export function formatLabel({ datasource: { format } }: Exporter): string {
  return FORMATS.find(({ value }) => value === format)?.label ?? "";
}
