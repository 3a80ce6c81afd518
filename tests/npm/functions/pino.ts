/** Writes structured lines to a stream of one's own. */
import pino from "npm:pino@10.4.0";

export default function main() {
  const lines: string[] = [];
  const logger = pino({ base: null, timestamp: false, redact: ["token"] }, {
    write: (line) => lines.push(line),
  });
  logger.info({ token: "secret", user: "ada" }, "signed in");
  logger.child({ part: "x" }).error(new Error("failed").message);
  return { lines: lines.map((line) => JSON.parse(line)) };
}
