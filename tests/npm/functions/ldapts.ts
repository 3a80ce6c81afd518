/** Binds to a directory, searches it, and is rejected with a wrong password. */
import { Client } from "npm:ldapts@8.2.0";

export default async function main({ ldap }: { ldap: string }) {
  const client = new Client({ url: ldap });
  await client.bind("cn=admin,dc=example", "secret");
  const { searchEntries } = await client.search("dc=example", {
    filter: "(&(objectClass=person)(uid=ada))",
    attributes: ["cn", "mail"],
  });
  const rejected = await client.bind("cn=admin,dc=example", "wrong").catch((error) => error.name);
  await client.unbind();
  return { entries: searchEntries, rejected };
}
