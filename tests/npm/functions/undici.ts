/** Requests with its own client, pool and fetch. */
import { Client, fetch, request } from "npm:undici@7.30.2";

export default async function main({ https }: { https: string }) {
  const { statusCode, body } = await request(`${https}/echo?by=request`, {
    method: "PUT",
    body: "text",
  });
  const requested = await body.json();
  const fetched = await (await fetch(`${https}/echo?by=fetch`)).json();
  const client = new Client(https);
  const second = await client.request({ path: "/echo?by=client", method: "GET" });
  const { url } = await second.body.json();
  await client.close();
  return { statusCode, urls: [requested.url, fetched.url, url], body: requested.body };
}
