/** Rights over people: whose rights a caller must have, what the provider must confirm, and the last owner. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { Client } from "../support/client.ts";
import { assertError, ok } from "../support/expect.ts";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { TestProvider } from "../support/oidc_provider.ts";
import { TestServer } from "../support/server.ts";
import {
  change,
  OWNER,
  type PeopleStage,
  principalOf,
  providerFlags,
  setRoles,
  signedIn,
  useLink,
  USERS,
  VIEWER,
} from "./people.ts";
import { FUNCTIONS, SESSION, SESSIONS } from "./sessions.ts";
import { Visitor } from "./visitor.ts";

const CLIENTS = "/api/v1/iam/personal_clients";
const SEARCH = "/api/v1/search/users";
const MANAGER = "A".repeat(27);

/**
 * What no operation does: the first principal becomes no owner, a custom role manages users, and the provider confirmed the
 * groups of two people days ago. A session has tokens of the provider that cannot be opened.
 */
function changeDatabase(dataDir: string): void {
  using db = new DatabaseSync(join(dataDir, "invoked.db"));
  db.exec("update principals set roles = '[]' where kind = 'service'");
  const permissions = [
    ...["invoked.UserService.SetRoles", "invoked.UserService.Update", "invoked.UserService.Delete"],
    ...["c1.api.user.v1.UserService.List", "invoked.UserService.RevokeSession"],
  ];
  db.prepare(
    "insert into roles (id, display_name, permissions, created_at, updated_at) values (?, ?, ?, '', '')",
  ).run(MANAGER, "User manager", JSON.stringify(permissions));
  const confirmed = db.prepare("update principals set groups_confirmed_at = ? where subject = ?");
  const day = 24 * 60 * 60 * 1000;
  db.exec(`update session_confirmations set sealed_tokens = x'00' where session_id =
    (select s.id from console_sessions s join principals p on p.id = s.principal_id
      where p.subject = 'leaving')`);
  confirmed.run(new Date(Date.now() - 6 * day).toISOString(), "recent");
  confirmed.run(new Date(Date.now() - 7 * day).toISOString(), "absent");
}

/** The client id and secret of a person who has a role by a group. */
async function personalClient(
  stage: Pick<PeopleStage, "provider" | "server">,
  login: string,
): Promise<readonly [string, string]> {
  const visitor = await signedIn(stage, login, ["view"]);
  const made = ok(await change(visitor, "POST", CLIENTS, { displayName: login }));
  return [made.client.clientId, made.clientSecret];
}

Deno.test("rights over people", async (t) => {
  await using directory = await makeTempDir();
  await using provider = await TestProvider.start();
  const flags = await providerFlags(provider, directory.path);
  const roleMap = ["--oidc-role-map", `manage=${MANAGER},boss=system:owner,view=system:viewer`];
  const options = { dataDir: join(directory.path, "data"), flags: [...flags, ...roleMap] };
  await using first = await TestServer.start(options);
  provider.serverUrl = first.url;
  const owners: { readonly login: string; readonly id: string }[] = [];
  for (const login of ["owner1", "owner2"]) {
    const visitor = await signedIn({ provider, server: first }, login);
    const { id } = await principalOf(visitor);
    await setRoles(await first.client(), id, [OWNER]);
    owners.push({ login, id });
  }
  const [recent, absent] = [
    await personalClient({ provider, server: first }, "recent"),
    await personalClient({ provider, server: first }, "absent"),
  ];
  const leaving = await signedIn({ provider, server: first }, "leaving");
  await first.stop();
  changeDatabase(options.dataDir);
  await using server = await TestServer.start(options);
  provider.serverUrl = server.url;
  const stage = { provider, server };
  const visitors = await Promise.all(owners.map(({ login }) => signedIn(stage, login)));

  await t.step("end with a sign-out, also when the provider cannot know", async () => {
    const visitor = new Visitor(server.url);
    for (const [name, cookie] of leaving.cookies) visitor.cookies.set(name, cookie);
    ok(await visitor.get(SESSION));
    assert.deepEqual(ok(await change(visitor, "DELETE", SESSION, {})), {});
    assertError(await visitor.get(FUNCTIONS), "SESSION_ENDED");
  });

  await t.step(
    "of groups end when the provider has not confirmed the groups for long",
    async () => {
      const [kept, lost] = await Promise.all(
        [recent, absent].map(([id, secret]) => Client.login(server.url, id, secret)),
      );
      if (kept === undefined || lost === undefined) return assert.fail();
      ok(await kept.get(FUNCTIONS));
      assertError(await lost.get(FUNCTIONS), "ROLE_MISSING");
      const [owner = assert.fail()] = visitors;
      const shown = async () => {
        const search = { query: "name of absent" };
        const [found] = ok(await change(owner, "POST", SEARCH, search)).list;
        const { user } = ok(await owner.get(`${USERS}/${found.userId}`)).userView;
        assert.deepEqual(found.user, user);
        const viewers = { ...search, roleIds: ["system:viewer"] };
        const { list } = ok(await change(owner, "POST", SEARCH, viewers));
        return [user.roleIds, list.length];
      };
      assert.deepEqual(await shown(), [[], 0], "answers have the roles that count");
      await signedIn(stage, "absent", ["view"]);
      ok(await lost.get(FUNCTIONS));
      assert.deepEqual(await shown(), [[VIEWER], 1]);
    },
  );

  await t.step("end where somebody has rights that the caller lacks", async () => {
    const manager = await signedIn(stage, "manager", ["manage"]);
    const [{ id: owner }, member] = [owners[0] ?? assert.fail(), await signedIn(stage, "member")];
    const { id } = await principalOf(member);
    const { id: ownerByGroup } = await principalOf(await signedIn(stage, "head", ["boss"]));
    const attempts = [
      ...[owner, ownerByGroup].flatMap((one) => [
        change(manager, "POST", `${USERS}/${one}/roles`, { roleIds: [] }),
        change(manager, "PATCH", `${USERS}/${one}`, { user: { disabled: true } }),
        change(manager, "DELETE", `${USERS}/${one}`, {}),
      ]),
      change(manager, "POST", `${USERS}/${id}/roles`, { roleIds: [OWNER] }),
      change(manager, "POST", `${USERS}/${id}/roles`, { roleIds: [VIEWER] }),
    ];
    const sessionOf = async (visitor: Visitor) => {
      const { id, principal } = ok(await visitor.get(SESSION));
      return `${USERS}/${principal.id}/sessions/${id}`;
    };
    const host = new Visitor(server.url);
    const link = await runInvoked([
      "console",
      "link",
      "--owner",
      "--json",
      "--data",
      server.dataDir,
    ]);
    await useLink(host, JSON.parse(link.stdout));
    for (const stronger of [visitors[0] ?? assert.fail(), host]) {
      attempts.push(change(manager, "DELETE", await sessionOf(stronger), {}));
    }
    for (const attempt of attempts) assertError(await attempt, "ROLE_MISSING");
    ok(await host.get(FUNCTIONS));
    ok(await change(manager, "DELETE", await sessionOf(member), {}));
    assertError(await member.get(SESSIONS), "SESSION_ENDED");
    ok(await change(manager, "POST", `${USERS}/${id}/roles`, { roleIds: [MANAGER] }));
    ok(await change(manager, "PATCH", `${USERS}/${id}`, { user: { disabled: true } }));
  });

  await t.step("always leave an owner, also when two take each other's role at once", async () => {
    const [one, two] = visitors;
    if (one === undefined || two === undefined) return assert.fail();
    const strip = (by: Visitor, { id }: { id: string } = owners[0] ?? assert.fail()) =>
      change(by, "POST", `${USERS}/${id}/roles`, { roleIds: [] });
    const answers = await Promise.all([strip(one, owners[1]), strip(two, owners[0])]);
    const won = answers.map(({ status }) => status === 200);
    assert.deepEqual(won.toSorted(), [false, true], JSON.stringify(answers));
    const at = won.indexOf(true);
    const [owner, id] = [visitors[at] ?? assert.fail(), owners[at]?.id];
    // An owner by a group does not count: the provider can take the role.
    const boss = await signedIn(stage, "boss", ["boss"]);
    assert.deepEqual((await principalOf(boss)).roles, [OWNER]);
    const attempts = [owner, boss].flatMap((by) => [
      change(by, "POST", `${USERS}/${id}/roles`, { roleIds: [VIEWER] }),
      change(by, "PATCH", `${USERS}/${id}`, { user: { disabled: true } }),
      change(by, "DELETE", `${USERS}/${id}`, {}),
    ]);
    for (const attempt of attempts) assertError(await attempt, "LAST_OWNER");
    assert.deepEqual((await principalOf(owner)).roles, [OWNER]);
    const { id: ofBoss } = await principalOf(boss);
    ok(await change(owner, "DELETE", `${USERS}/${ofBoss}`, {}));
  });
});
