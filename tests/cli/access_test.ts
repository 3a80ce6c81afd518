/** `invoked principals`, `credentials`, `roles` and `bind`, and where other commands show roles and principals. */
import assert from "node:assert/strict";
import { Client } from "../support/client.ts";
import { ok } from "../support/expect.ts";
import { assertFails, Author } from "./support.ts";

const LIST = "c1.api.functions.v1.FunctionsService.ListFunctions";
const INTROSPECT = "/api/v1/auth/introspect";
const KSUID = /^[0-9A-Za-z]{27}$/;
const SECRET = /^client id {6}(\S+\/spc)\nclient secret {2}(secret-token:\S+)$/;

Deno.test("people manage principals, credentials, roles and bindings", async (t) => {
  await using author = await Author.startShared("accessed");
  const { url } = author.server;
  const whoIs = async (token: string) => ok(await new Client(url, token).get(INTROSPECT));
  const fails = async (args: string[], code: number, message: RegExp, next?: RegExp) =>
    await author.fails(args, code, message, next);

  await t.step("roles are listed, shown and made, by names", async () => {
    const listed = await author.ok(["roles", "list"]);
    assert.match(listed, /^system:owner\t0{16}systemowner\tSuper Administrator\t\d+\tall$/m);
    const shown = await author.ok(["roles", "show", "functions:invoker"]);
    assert.match(shown, /^description +Function Invoker$/m);
    assert.match(shown, /^c1\.api\.functions\.v1\.FunctionsService\tInvoke$/m);
    const id = await author.ok(["roles", "create", "lister", "--permission", LIST]);
    assert.match(id, KSUID);
    assert.equal((await author.json("roles", "show", id.slice(0, 26))).displayName, "lister");
    await author.ok(["roles", "update", "lister", "--name", "list alone", "--function", ""]);
    const role = await author.json("roles", "show", "list alone");
    assert.deepEqual([role.id, role.permissions], [id, [`permission/${LIST}`]]);
    await fails(["roles", "show", "list alon"], 1, /Role "list alon" not found/, /mean list alone/);
    await fails(["roles", "update", "list alone"], 2, /No change named/, /--permission/);
    await fails(["roles", "update", "system:viewer", "--name", "x"], 1, /built-in role/);
    const unknown = ["roles", "create", "x", "--permission", "nothing"];
    await fails(unknown, 1, /"nothing" is no permission of this server/);
  });

  await t.step("principals have roles by name, and states", async () => {
    const id = await author.ok(["principals", "create", "automaton", "--role", "list alone"]);
    assert.match(id, KSUID);
    assert.match(
      await author.ok(["principals", "list"]),
      /^automaton\t\S+\tlist alone\tenabled\t/m,
    );
    const set = await author.ok(["principals", "set-roles", "automaton", "reader", "list alone"]);
    assert.equal(set, "Roles of automaton: system:viewer, list alone");
    await author.ok(["principals", "set-roles", "automaton", "--none"]);
    const renamed = await author.json("principals", "rename", id.slice(0, 26), "android");
    assert.deepEqual([renamed.displayName, renamed.roleIds], ["android", []]);
    await author.ok(["principals", "set-roles", "android", "functions:developer"]);
    assert.match(await author.ok(["principals", "disable", "android"]), /^Disabled service princ/);
    assert.match(await author.ok(["principals", "show", "android"]), /^state +disabled$/m);
    await author.ok(["principals", "enable", "android"]);

    await fails(["principals", "show", "nobody"], 1, /Service principal "nobody" not found/);
    await fails(["principals", "set-roles", "android"], 2, /Name at least one role/, /roles list/);
    await fails(["principals", "set-roles", "android", "boss"], 1, /Role "boss" not found/);
    await fails(["principals", "create", "other", "--role", "boss"], 1, /Role "boss" not found/);
    await fails(["principals", "show", "other"], 1, /not found/);
    await fails(["principals", "delete", "android"], 2, /No answer/, /--yes/);
  });

  await t.step("an API key is one string, which works in place of a token", async () => {
    const args = ["credentials", "create", "android", "--api-key", "--name", "cron"];
    const { stdout, stderr } = await author.run([...args, "--expires", "30d"]);
    const key = stdout.trimEnd();
    assert.match(key, /^invoked_[0-9A-Za-z]{49}$/);
    assert.match(stderr, /^API key \w{27} of android expires at .*shown only now$/m);
    assert.equal((await whoIs(key)).roles[0], "000000000functionsdeveloper");
    const env = { INVOKED_SERVER_URL: url, INVOKED_ACCESS_TOKEN: key };
    const who = await author.run(["whoami"], { env, cwd: "/" });
    assert.match(who.stdout, /^roles +functions:developer$/m, who.stderr);
    const made = await author.json(
      ...args.slice(0, 4),
      "--source",
      "192.0.2.7",
      "--role",
      "reader",
    );
    assert.deepEqual(Object.keys(made).sort(), ["apiKey", "expiresAt", "id", "serverUrl"]);
    const listed = await author.ok(["credentials", "list", "android"]);
    assert.match(listed, /^cron\t\w{27}\tAPI key\tall\tany\tenabled\t/m);
    assert.match(
      listed,
      /^\t\w{27}\tAPI key\tsystem:viewer\t192\.0\.2\.7\/32\tenabled\t.*\tnever$/m,
    );

    await author.ok(["credentials", "update", "android", "cron", "--role", "list alone"]);
    assert.match((await author.run(["whoami"], { env, cwd: "/" })).stdout, /^roles +list alone$/m);
    await author.ok(["credentials", "update", "android", "cron", "--role", "", "--source", ""]);
    await author.ok(["credentials", "disable", "android", "cron"]);
    assertFails(await author.run(["list"], { env, cwd: "/" }), 4, /TOKEN_INVALID/);
    await author.ok(["credentials", "enable", "android", "cron"]);
    await whoIs(key);
    await author.ok(["credentials", "revoke", "android", "cron", "--yes"]);
    assertFails(await author.run(["list"], { env, cwd: "/" }), 4, /TOKEN_INVALID/);

    await fails([...args, "--expires", "1y"], 2, /"1y" is not a duration/, /30d/);
    await fails([...args, "--expires", "181d"], 1, /is not between 60 s and 180 d/);
    await fails([...args, "--source", "home"], 1, /"home" is not a network/);
    await fails(["credentials", "update", "android", made.id], 2, /No change named/);
    await fails(["credentials", "revoke", "android", "cron", "--yes"], 1, /"cron" not found/);
  });

  await t.step("a client of the caller has roles by name, too", async () => {
    const args = ["clients", "create", "limited", "--role", "list alone", "functions:invoker"];
    await author.ok(args);
    const listed = await author.ok(["clients", "list"]);
    assert.match(listed, /^limited\t\S+\t\S+\tlist alone, functions:invoker\tenabled\t/m);
    await author.ok(["clients", "delete", "limited", "--yes"]);
    await fails(["clients", "create", "x", "--role", "boss"], 1, /Role "boss" not found/);
  });

  await t.step("a secret is printed with its client id, and found by it", async () => {
    const printed = await author.ok(["credentials", "create", "android"]);
    const [, clientId = "", secret = ""] = SECRET.exec(printed) ?? assert.fail(printed);
    const { userId } = ok(await (await Client.login(url, clientId, secret)).get(INTROSPECT));
    assert.equal(userId, (await author.json("principals", "show", "android")).id);
    const changed = await author.json("credentials", "update", "android", clientId, "--name", "vm");
    assert.deepEqual([changed.displayName, changed.kind], ["vm", "SECRET"]);
  });

  await t.step("a deploy gives a function roles by name", async () => {
    const manifest = JSON.parse(await Deno.readTextFile(`${author.folder}/invoked.json`));
    const withRoles = (roles: string[]) =>
      author.write("invoked.json", JSON.stringify({ ...manifest, roles }));
    await withRoles(["list alone", "system:viewer"]);
    await author.ok(["deploy", "--publish"]);
    const { stdout, stderr } = await author.run(["show"]);
    assert.match(stdout, /^roles +list alone, system:viewer$/m);
    assert.match(stderr, /accessed reads everything through its role system:viewer/);
    assert.doesNotMatch((await author.run(["deploy"])).stderr, /roles/);
    await withRoles(["nothing like it"]);
    await fails(["deploy"], 1, /roles\[0\]: "nothing like it" is not a role of this server/);
    await withRoles([]);
    await author.ok(["deploy"]);
    const alone = await author.run(["show"]);
    assert.match(alone.stdout, /^roles +none: it reads itself alone$/m);
    assert.doesNotMatch(alone.stderr, /advice/);
  });

  await t.step("a function is bound to a principal, and shown with it", async () => {
    assert.equal(await author.ok(["bind", "accessed", "android"]), "accessed acts as android");
    assert.match(await author.ok(["show"]), /^acts as +android \(\w{27}\)$/m);
    assert.match(await author.ok(["principals", "show", "android"]), /^functions +accessed$/m);
    await fails(
      ["principals", "delete", "android", "--yes"],
      1,
      /functions are bound to it: accessed; /,
      /invoked bind/,
    );
    await fails(["bind", "accessed"], 2, /Name a service principal, or give --none/);
    await fails(["bind", "accessed", "android", "--none"], 2, /or give --none/);
    await fails(["bind", "accessed", "nobody"], 1, /"nobody" not found/);
    const unbound = await author.json("bind", ".", "--none");
    assert.equal(unbound.servicePrincipalId, null);
    assert.equal(
      await author.ok(["bind", ".", "--none"]),
      "accessed is bound to no service principal",
    );
    await author.ok(["principals", "delete", "android", "--yes"]);
    await author.ok(["roles", "delete", "list alone", "--yes"]);
  });

  await t.step("completions offer principals, credentials and roles", async () => {
    const principal = await author.ok(["principals", "create", "completed"]);
    await author.ok(["credentials", "create", principal, "--name", "only"]);
    const offered = async (...words: string[]) => await author.ok(["complete", "--", ...words]);
    assert.match(await offered("principals", "show", "compl"), /^completed\t/m);
    assert.match(await offered("bind", "accessed", "compl"), /^completed\t/m);
    assert.match(await offered("credentials", "revoke", "completed", ""), /^only\t/m);
    for (
      const words of [["roles", "show", "fun"], ["principals", "create", "x", "--role", "fun"]]
    ) {
      assert.match(await offered(...words), /^functions:invoker\t/m);
    }
    await author.ok(["principals", "delete", "completed", "--yes"]);
  });
});
