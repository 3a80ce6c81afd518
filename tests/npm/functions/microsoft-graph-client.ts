/** Pages through the users of a tenant. */
import { Client, PageIterator } from "npm:@microsoft/microsoft-graph-client@3.0.7";

export default async function main({ https }: { https: string }) {
  const client = Client.init({
    baseUrl: `${https}/graph`,
    customHosts: new Set([new URL(https).hostname]),
    authProvider: (done) => done(null, "a-token"),
  });
  const first = await client.api("/users").select("displayName").get();
  const names: string[] = [];
  await new PageIterator(client, first, ({ displayName }) => names.push(displayName) > 0).iterate();
  const failed = await client.api("/none").get().catch(({ statusCode }) => statusCode);
  return { names, failed };
}
