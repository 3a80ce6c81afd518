import { test, type TestContext } from "@c1/test";

export default function registerTests({ handler }: TestContext) {
  test("summarizes a push", async ({ deepEqual }) => {
    const payload = {
      ref: "refs/heads/main",
      repository: { full_name: "ada/engine" },
      commits: [{ message: "Add the mill\n\nIt multiplies." }],
    };
    deepEqual(await handler({ payload, event: { id: "1" } }), {
      repository: "ada/engine",
      branch: "main",
      titles: ["Add the mill"],
    });
  });

  test("ignores a delivery without commits", async ({ deepEqual }) => {
    deepEqual(await handler({}), { repository: null, branch: null, titles: [] });
  });
}
