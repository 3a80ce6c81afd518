/** Makes a logger at the top of the module, and writes a line to a stream. */
import { Writable } from "node:stream";
import winston from "npm:winston@3.19.0";

const lines: string[] = [];
const stream = new Writable({
  write(chunk, _encoding, done) {
    lines.push(String(chunk).trim());
    done();
  },
});
const logger = winston.createLogger({
  level: "info",
  format: winston.format.json(),
  transports: [new winston.transports.Stream({ stream })],
});

export default async () => {
  logger.info("hello");
  await new Promise((resolve) => setImmediate(resolve));
  return { line: lines.at(-1) };
};
