import assert from "node:assert/strict";
import { assertError, ok } from "../support/expect.ts";
import { runInvoked } from "../support/invoked.ts";
import { type PeopleStage, principalOf, signedIn } from "./people.ts";
import { FUNCTIONS } from "./sessions.ts";
import { Visitor } from "./visitor.ts";

/** An owner manages a person on the command line. */
export async function commands(stage: PeopleStage): Promise<void> {
  const visitor = await signedIn(stage, "typist", ["basic"]);
  const { id } = await principalOf(visitor);
  const run = async (...args: string[]) =>
    await runInvoked(["users", ...args], { env: { INVOKED_DATA: stage.server.dataDir } });
  const works = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(...args);
    assert.equal(code, 0, stderr);
    return stdout.trimEnd();
  };
  const email = "typist@example.test";
  const listed = new RegExp(`^Name of typist\t${email}\t${id}\tsystem:user\tenabled\t`, "m");
  assert.match(await works("list", "--query", "TYPIST"), listed);
  assert.equal(
    await works("set-roles", email, "functions:developer"),
    `Roles of Name of typist (${id}): functions:developer, system:user`,
  );
  const shown = await works("show", id.slice(0, 26));
  assert.match(shown, /^roles +functions:developer\nroles of groups +system:user$/m);
  ok(await visitor.get(FUNCTIONS));
  assert.equal(await works("disable", email), `Disabled Name of typist (${id})`);
  assertError(await visitor.get(FUNCTIONS), "SESSION_ENDED");
  assert.equal(JSON.parse(await works("enable", email, "--json")).status, "ENABLED");
  await works("set-roles", "Name of typist", "--none");
  assert.match(await works("show", id), /^roles /m);
  // The email of somebody as the username of another, and one email of two people.
  stage.provider.accounts.set("imposter", {
    name: "Imposter",
    email: "imposter@example.test",
    preferred_username: email,
    groups: [],
  });
  const imposter = new Visitor(visitor.url);
  assert.equal((await imposter.signIn(stage.provider, "imposter")).status, 303);
  assert.match(await works("show", email), /Name of typist/);
  stage.provider.accounts.set("imposter", { name: "Imposter", email, groups: [] });
  assert.equal((await imposter.signIn(stage.provider, "imposter")).status, 303);
  const several = await run("disable", email);
  assert.equal(several.code, 1);
  assert.match(several.stderr, /There are several people with the email[^]*use the id instead/);
  await works("delete", (await principalOf(imposter)).id, "--yes");
  assert.equal(await works("delete", email, "--yes"), `Deleted Name of typist (${id})`);
  const gone = await run("show", email);
  assert.deepEqual([gone.code, gone.stdout], [1, ""]);
  assert.match(gone.stderr, /User "typist@example.test" not found[^]*invoked users list/);
  assert.match((await run("set-roles", email)).stderr, /Name at least one role/);
}
