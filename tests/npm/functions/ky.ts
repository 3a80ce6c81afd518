/** Requests JSON with hooks, and retries a failing request. */
import ky from "npm:ky@1.14.3";

export default async function main({ https }: { https: string }) {
  const client = ky.create({ prefixUrl: https, retry: { limit: 2, delay: () => 5 } });
  const { url, body } = await client.post("echo", { json: { a: 1 }, searchParams: { q: 1 } })
    .json();
  const retried = await client.get("flaky/ky").json();
  const failed = await client.get("status/404").catch((error) => error.response.status);
  return { url, body, attempts: retried.attempts, failed };
}
