import { test, type TestContext } from "@c1/test";
import { candidates } from "./candidates.ts";

function first(count: number, givenName: string, familyName: string): string {
  return candidates(givenName, familyName).take(count).toArray().join(" ");
}

export default function registerTests({ handler }: TestContext) {
  test("the best name comes first, then numbers", ({ equal }) => {
    equal(first(4, "Ada", "Lovelace"), "ada.lovelace alovelace ada.lovelace2 ada.lovelace3");
  });

  test("accents and spaces are left out", ({ equal }) => {
    equal(first(1, "José María", "O'Neill"), "josemaria.oneill");
  });

  test("one name is enough, none is not", ({ equal, fail }) => {
    equal(first(2, "Plato", ""), "plato plato2");
    try {
      first(1, "", "?");
      fail("it was accepted");
    } catch (error) {
      equal(String(error), "Error: The name has no letter from a to z");
    }
  });

  test("names are kept on a volume, which tests do not have", async ({ equal, fail }) => {
    try {
      await handler({ givenName: "Ada", familyName: "Lovelace" });
      fail("it needed no volume");
    } catch (error) {
      equal((error as Error).name, "VfsNotAttachedError");
    }
  });
}
