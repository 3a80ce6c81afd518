/** The seccomp profile of containers is Docker's default one, and what bubblewrap needs. */
import assert from "node:assert/strict";
import { ADDED, BASE, type Profile, profileFrom, WITHDRAWN } from "../../deploy/seccomp.ts";

const FILE = new URL("../../deploy/seccomp.json", import.meta.url);

const own: Profile = JSON.parse(await Deno.readTextFile(FILE));

function namesOf(profile: Profile, action: string): ReadonlySet<string> {
  return new Set(
    profile.syscalls.filter((rule) => rule.action === action).flatMap(({ names }) => names),
  );
}

Deno.test("the profile allows the calls of bubblewrap, and none that Docker denies besides", () => {
  const [allowed, denied] = ["SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO"].map((action) =>
    namesOf(own, action)
  );
  for (const name of ADDED) assert.ok(allowed?.has(name) && !denied?.has(name), name);
  for (const name of WITHDRAWN) assert.ok(!allowed?.has(name), name);
  // Also in Kubernetes, where conditions are ignored.
  for (const rule of own.syscalls) assert.ok(!("includes" in rule) && !("excludes" in rule));
});

Deno.test("the profile allows sockets of unix, of the internet, and of netlink without its audit", () => {
  const rules = own.syscalls.filter(({ names }) => names.includes("socket"));
  const allowed = rules.map(({ names, action, args }) => {
    assert.deepEqual([names, action], [["socket"], "SCMP_ACT_ALLOW"]);
    return args?.map(({ index, op, value }) => `${index} ${op} ${value}`).join();
  });
  const netlink = "0 SCMP_CMP_EQ 16,2 SCMP_CMP_NE 9";
  assert.deepEqual(allowed, [...[1, 2, 10].map((family) => `0 SCMP_CMP_EQ ${family}`), netlink]);
});

const base = await Deno.readTextFile(BASE).catch(() => undefined);
if (base !== undefined) {
  Deno.test("the profile is made from the default one of Debian's containers-common", () => {
    assert.deepEqual(own, profileFrom(JSON.parse(base)));
  });
}
