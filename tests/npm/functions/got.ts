/** Requests JSON, retries a failing request, and pipes a stream. */
import got from "npm:got@14.6.6";

export default async function main({ https }: { https: string }) {
  const { url, body } = await got.post(`${https}/echo`, { json: { a: 1 }, searchParams: { q: 1 } })
    .json();
  const retried = await got(`${https}/flaky/got`, {
    retry: { limit: 2, calculateDelay: ({ computedValue }) => computedValue && 5 },
  }).json();
  let streamed = 0;
  for await (const chunk of got.stream(`${https}/bytes/50000`)) streamed += chunk.length;
  const failed = await got(`${https}/status/418`).catch((error) => error.response.statusCode);
  return { url, body, attempts: retried.attempts, streamed, failed };
}
