/** What a caller may do, by its layers of roles: against a model that asks every role, for random roles. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Access, type Grant, NO_ACCESS } from "../../src/domain/identity/access.ts";
import { SEED } from "../support/seed.ts";

const SELF: ReadonlySet<string> = new Set(["see-itself", "sign-out"]);
const PERMISSIONS = [...SELF, "read", "invoke", "write", "volumes", "people"];
const FUNCTIONS = ["a", "b", "c", "d"];
/** What a call may concern: a function that roles name, one that none names, and no single one. */
const CONCERNED = [...FUNCTIONS, "unnamed", undefined];

const grants = fc.record({
  roleId: fc.constantFrom("r1", "r2", "r3", ""),
  permissions: fc.subarray(PERMISSIONS).map((list): ReadonlySet<string> => new Set(list)),
  functions: fc.oneof(
    fc.constant("all" as const),
    fc.subarray(FUNCTIONS).map((list): ReadonlySet<string> => new Set(list)),
  ),
});
const layer = fc.array(grants, { maxLength: 3 });
const layers = fc.array(layer, { maxLength: 3 });

type Layers = readonly (readonly Grant[])[];

function accessOf(of: Layers): Access {
  return new Access(of, SELF);
}

/** Whether a role allows a call, by itself. */
function allows({ permissions, functions }: Grant, permission: string, id?: string): boolean {
  if (!permissions.has(permission)) return false;
  return functions === "all" || SELF.has(permission) || (id !== undefined && functions.has(id));
}

/** Whether every layer has a role that allows the call, and there is a layer. */
function mayByModel(of: Layers, permission: string, id?: string): boolean {
  return of.length > 0 && of.every((one) => one.some((grant) => allows(grant, permission, id)));
}

/** Every call that the access allows, in words. */
function allowed(access: Access): string[] {
  return PERMISSIONS.flatMap((permission) =>
    CONCERNED.filter((id) => access.may(permission, id)).map((id) => `${permission} ${id}`)
  );
}

/** Checks a property for random inputs with the seed of the run. */
function check<Inputs>(property: fc.IProperty<Inputs>): void {
  fc.assert(property, { seed: SEED, numRuns: 500 });
}

Deno.test("access: a caller may do what each of its layers allows", () => {
  check(fc.property(layers, (of) => {
    const access = accessOf(of);
    for (const permission of PERMISSIONS) {
      for (const id of CONCERNED) {
        assert.equal(access.may(permission, id), mayByModel(of, permission, id));
      }
      const scope = access.functions(permission);
      assert.equal(access.mayAny(permission), scope === "all" || scope.size > 0);
      if (scope === "all") continue;
      assert.deepEqual([...scope].sort(), FUNCTIONS.filter((id) => access.may(permission, id)));
    }
    const known = PERMISSIONS.filter((one) => access.mayAny(one)).sort();
    assert.deepEqual(access.permissions, known);
  }));
});

Deno.test("access: a further layer takes rights and gives none", () => {
  check(fc.property(layers, layer, (of, further) => {
    const [before, after] = [accessOf(of), accessOf(of).cutBy(further)];
    assert.deepEqual(allowed(after), allowed(accessOf([...of, further])));
    if (of.length === 0) return;
    const had = new Set(allowed(before));
    assert.deepEqual(allowed(after).filter((call) => !had.has(call)), []);
  }));
});

Deno.test("access: the order of layers and of roles does not matter", () => {
  check(fc.property(layers, (of) => {
    const turned = of.map((one) => one.toReversed()).toReversed();
    assert.deepEqual(allowed(accessOf(turned)), allowed(accessOf(of)));
  }));
});

Deno.test("access: permissions on oneself are never narrowed to functions", () => {
  check(fc.property(layers, (of) => {
    const access = accessOf(of);
    for (const permission of SELF) {
      const isGranted = of.length > 0 &&
        of.every((one) => one.some(({ permissions }) => permissions.has(permission)));
      assert.equal(access.functions(permission) === "all", isGranted);
      assert.equal(access.may(permission), isGranted);
    }
  }));
});

Deno.test("access: covers roles exactly if it allows every call that they allow", () => {
  check(fc.property(layers, layer, (of, wanted) => {
    const access = accessOf(of);
    const exceeding = allowed(accessOf([wanted])).filter((call) => !allowed(access).includes(call));
    assert.equal(access.covers(wanted), exceeding.length === 0, String(exceeding));
  }));
});

Deno.test("access: lists the roles that count in full", () => {
  check(fc.property(layers, (of) => {
    const access = accessOf(of);
    const whole = of.flat().filter((grant) => grant.roleId !== "" && access.covers([grant]));
    assert.deepEqual(access.roleIds, [...new Set(whole.map(({ roleId }) => roleId))]);
  }));
});

Deno.test("access: without a layer nothing is allowed", () => {
  assert.deepEqual([allowed(NO_ACCESS), NO_ACCESS.roleIds, NO_ACCESS.permissions], [[], [], []]);
  assert.equal(NO_ACCESS.covers([]), true);
});
