/** The headers of requests to a collector. */
import { CLEAR_HEADERS, type Config, sendsInTheClear } from "../config/mod.ts";

/** A name and a value that are safe in a request. */
const HEADER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,256})\s*[:=]\s*([\t\x20-\x7e\x80-\xff]*)$/;

/** What is sent to a collector, as OpenTelemetry's variables name it. */
export type Signal = "METRICS" | "TRACES";

/**
 * The headers of `--otlp-headers-file`, then those of `OTEL_EXPORTER_OTLP_METRICS_HEADERS` or
 * `OTEL_EXPORTER_OTLP_TRACES_HEADERS` that the file does not name, then those of `OTEL_EXPORTER_OTLP_HEADERS`.
 * @throws {Error} for a file that cannot be read, or a header that cannot be sent, or not to this collector; the message has
 * no value
 */
export async function collectorHeaders(
  { otlpEndpoint, otlpHeadersFile: file, environmentHeaders }: Config["telemetry"],
  signal: Signal,
): Promise<Record<string, string>> {
  const headers: Record<string, string> = {};
  // Like the exporter, which reads the same variables and skips what is invalid.
  for (const variable of ["OTEL_EXPORTER_OTLP_HEADERS", `OTEL_EXPORTER_OTLP_${signal}_HEADERS`]) {
    const text = environmentHeaders[variable];
    if (text === undefined) continue;
    if (otlpEndpoint !== undefined && sendsInTheClear(otlpEndpoint)) {
      throw new Error(`${variable} is set, but must be ${CLEAR_HEADERS}`);
    }
    const pairs = text.reveal().split(",").filter((pair) => pair.trim() !== "");
    for (const [at, pair] of pairs.entries()) {
      add(headers, decoded(pair), `entry ${at + 1} of ${variable}`, "name=value");
    }
  }
  if (file === undefined) return headers;
  const text = await Deno.readTextFile(file).catch((error) => {
    throw new Error(`invalid --otlp-headers-file: failed to read ${file}: ${error.message}`);
  });
  for (const [at, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    add(headers, line, `line ${at + 1} of --otlp-headers-file ${file}`, "Name: value");
  }
  return headers;
}

/** Values are percent-encoded. */
function decoded(pair: string): string {
  try {
    return decodeURIComponent(pair);
  } catch {
    return "";
  }
}

function add(headers: Record<string, string>, text: string, where: string, form: string): void {
  const [, name = "", value = ""] = HEADER.exec(text.trim()) ?? [];
  if (name === "") throw new Error(`invalid ${where}: it must have the form ${form}`);
  headers[name.toLowerCase()] = value.trim();
}
