/** Speaks to a Redis server over a TCP tunnel. */
import { Redis } from "npm:ioredis@6.0.0";

export default async function main({ redis }: { redis: string }) {
  const client = new Redis(redis, {
    lazyConnect: true,
    retryStrategy: null,
    enableReadyCheck: false,
  });
  await client.connect();
  const answer = [await client.set("key", "value"), await client.get("key")];
  client.disconnect();
  return { answer };
}
