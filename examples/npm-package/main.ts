import type { JSONObject } from "@c1/functions-sdk";
import { z } from "npm:zod@4.6.7";

const Order = z.object({
  id: z.string().regex(/^[A-Z]{2}-[0-9]+$/),
  placedAt: z.iso.datetime(),
  items: z.array(z.object({ price: z.number().positive(), count: z.int().min(1) })).min(1),
});

/** Checks an order with a package of npm, and adds it up; says what is wrong with one that is not right. */
export default function main(input: JSONObject): JSONObject {
  const parsed = Order.safeParse(input);
  if (!parsed.success) {
    const violations = parsed.error.issues.map(({ path, message }) =>
      `${path.join(".")}: ${message}`
    );
    return { valid: false, violations };
  }
  const { id, items } = parsed.data;
  const cents = items.reduce((sum, { price, count }) => sum + Math.round(price * 100) * count, 0);
  return { valid: true, id, total: cents / 100 };
}
