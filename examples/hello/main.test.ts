import { test, type TestContext } from "@c1/test";

export default function registerTests({ handler }: TestContext) {
  test("greets the world", async ({ equal }) => {
    const { message } = await handler({});
    equal(message, "Hello, world!");
  });

  test("greets by name", async ({ equal }) => {
    const { message } = await handler({ name: "Ada" });
    equal(message, "Hello, Ada!");
  });
}
