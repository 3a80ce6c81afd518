/** Makes a client that connects at its first command, and encodes a command. */
import { Command, Redis } from "npm:ioredis@6.0.0";

const redis = new Redis({ lazyConnect: true });

export default () => ({
  status: redis.status,
  encoded: new Command("set", ["key", "value"]).toWritable(),
});
