/** Hostile functions through the API in one isolation mode: none has an effect, and the server stays healthy. */
import assert from "node:assert/strict";
import { AVAILABLE_MODES } from "../support/machine.ts";
import { CLASSES } from "./classes/mod.ts";
import { LIMIT_FLAGS } from "./classes/resources.ts";
import type { Mode } from "./hostile.ts";
import { deployAll, openGround, Stage } from "./stage.ts";

interface HostileOptions {
  /** User id of the server; that of the tests where absent. */
  readonly user?: number;
  /** The classes to run; all where absent. */
  readonly classes?: readonly string[];
}

/** Registers the test of one mode, if it is available, in a file of its own, so that the modes run beside each other. */
export function hostileTest(mode: Mode, { user, classes }: HostileOptions = {}): void {
  if (!AVAILABLE_MODES.includes(mode)) return;
  const name = user === undefined ? mode : `${mode} of a server that is not root`;
  Deno.test(`${name}: hostile functions have no effect`, async (context) => {
    const deployed = await deployAll(Object.values(CLASSES).flat());
    await using ground = await openGround(deployed);
    await using stage = await Stage.open(ground, mode, LIMIT_FLAGS, user);
    const chosen = Object.entries(CLASSES).filter(([name]) => classes?.includes(name) ?? true);
    const waiting = chosen.flatMap(([, functions]) => functions).filter(({ waits }) => waits);
    // They run to the time limit, which is long enough for those that burn processor time on a busy machine.
    const waited = stage.attack(waiting, waiting.length);
    for (const [name, functions] of chosen) {
      const others = functions.filter(({ waits }) => !waits);
      await context.step(`${name}, ${others.length} functions`, async () => {
        assert.deepEqual(await stage.attack(others), []);
      });
    }
    await context.step(`waiting, ${waiting.length} functions`, async () => {
      assert.deepEqual(await waited, []);
    });
    assert.equal(await stage.forks(), true, "its instances are forks");
  });
}
