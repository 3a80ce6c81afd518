/** The headers of requests to a collector. */
import type { Config } from "../config/mod.ts";

/** A name and a value that are safe in a request. */
const HEADER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,256})\s*[:=]\s*([\t\x20-\x7e\x80-\xff]*)$/;

/**
 * The headers of `--otlp-headers-file`, and those of `OTEL_EXPORTER_OTLP_HEADERS` that the file does not name.
 * @throws {Error} for a file that cannot be read, or a header that cannot be sent; the message has no value
 */
export async function collectorHeaders(
  { otlpHeadersFile: file, environmentHeaders }: Config["telemetry"],
): Promise<Record<string, string>> {
  const headers: Record<string, string> = {};
  const pairs = environmentHeaders?.reveal().split(",").filter((pair) => pair.trim() !== "") ?? [];
  for (const [at, pair] of pairs.entries()) {
    add(headers, decoded(pair), `entry ${at + 1} of OTEL_EXPORTER_OTLP_HEADERS`, "name=value");
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
