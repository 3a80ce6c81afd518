import { test, type TestContext } from "@c1/test";

const order = {
  id: "AB-17",
  placedAt: "2026-01-31T12:00:00Z",
  items: [{ price: 0.1, count: 3 }, { price: 19.99, count: 1 }],
};

export default function registerTests({ handler }: TestContext) {
  test("adds up an order", async ({ equal }) => {
    equal(JSON.stringify(await handler(order)), '{"valid":true,"id":"AB-17","total":20.29}');
  });

  test("says what is wrong", async ({ equal, ok }) => {
    const { valid, violations } = await handler({ ...order, id: "17", items: [] });
    equal(valid, false);
    ok(Array.isArray(violations) && violations.length === 2, "both violations");
    ok(String(violations).startsWith("id: "), String(violations));
  });
}
