/** Principals, credentials and roles with several API nodes on one database. */
import type { Reason } from "../../src/domain/errors.ts";
import {
  INTROSPECT,
  makeCredential,
  makePrincipal,
  makeRole,
  PRINCIPALS,
  ROLES,
  setRolesOf,
  signIn,
} from "../identity/principals.ts";
import { type Answer, Client, type Json } from "../support/client.ts";
import { assertError, ok } from "../support/expect.ts";
import type { ThreeNodes } from "./cluster.ts";

const FUNCTIONS = "/api/v1/functions";
const LIST = "c1.api.functions.v1.FunctionsService.ListFunctions";
const ROUNDS = 10;

export async function principalsAt(
  t: Deno.TestContext,
  { nodes, client }: ThreeNodes,
): Promise<void> {
  const at = (n: 0 | 1 | 2, token = client.token) => new Client(nodes[n].url, token);
  const atAll = (token: string | undefined, path = FUNCTIONS) =>
    Promise.all(nodes.map(({ url }) => new Client(url, token).get(path)));
  const all = (answers: readonly Answer<Json>[], reason: Reason) => {
    for (const answer of answers) assertError(answer, reason);
  };

  await t.step("a change at one node holds for live tokens and keys at every node", async () => {
    const role = await makeRole(client, { displayName: "lists", permissions: [LIST] });
    const principal = await makePrincipal(client, "everywhere", [role.id]);
    const { as: { token }, credential } = await signIn(client, principal);
    const made = await makeCredential(client, principal, { kind: "CREDENTIAL_KIND_API_KEY" });
    const key = made.clientSecret;
    const works = async () => {
      for (const each of [token, key]) for (const answer of await atAll(each)) ok(answer);
    };
    const fails = async (reason: Reason) => {
      for (const each of [token, key]) all(await atAll(each), reason);
    };
    await works();
    ok(await at(1).post(`${ROLES}/${role.id}`, { role: { permissions: [] } }));
    await fails("ROLE_MISSING");
    ok(await at(2).post(`${ROLES}/${role.id}`, { role: { permissions: [LIST] } }));
    await works();
    await setRolesOf(at(1), principal, []);
    await fails("ROLE_MISSING");
    await setRolesOf(at(2), principal, [role.id]);
    await works();
    const disable = (n: 1 | 2, disabled: boolean) =>
      at(n).call("PATCH", `${PRINCIPALS}/${principal}`, { servicePrincipal: { disabled } });
    ok(await disable(1, true));
    await fails("TOKEN_INVALID");
    ok(await disable(2, false));
    await works();
    for (const { id } of [credential, made.credential]) {
      const path = `${PRINCIPALS}/${principal}/credentials/${id}`;
      const change = (n: 1 | 2, allowSourceCidrs: string[]) =>
        at(n).call("PATCH", path, {
          credential: { allowSourceCidrs },
          updateMask: "allowSourceCidrs",
        });
      const each = id === credential.id ? token : key;
      ok(await change(1, ["192.0.2.0/24"]));
      all(await atAll(each), "SOURCE_NOT_ALLOWED");
      ok(await change(2, []));
      for (const answer of await atAll(each)) ok(answer);
      ok(await at(2).call("DELETE", path));
      all(await atAll(each), "TOKEN_INVALID");
    }
  });

  await t.step(
    "a credential that is made while its principal is deleted does not work",
    async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const principal = await makePrincipal(client, `leaving ${round}`, ["system:viewer"]);
        const [made, deleted] = await Promise.all([
          at(1).post(`${PRINCIPALS}/${principal}/credentials`, { kind: "CREDENTIAL_KIND_API_KEY" }),
          at(2).call("DELETE", `${PRINCIPALS}/${principal}`),
        ]);
        ok(deleted);
        if (made.status !== 200) assertError(made, "PRINCIPAL_NOT_FOUND");
        else all(await atAll(made.body.clientSecret, INTROSPECT), "TOKEN_INVALID");
      }
    },
  );
}
