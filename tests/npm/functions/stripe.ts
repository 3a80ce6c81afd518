/** Makes a customer, lists charges by iteration, and checks the signature of a webhook. */
import Stripe from "npm:stripe@23.1.0";

export default async function main({ https }: { https: string }) {
  const { hostname, port } = new URL(https);
  const stripe = new Stripe("sk_test_key", {
    host: hostname,
    port: Number(port),
    telemetry: false,
  });
  const customer = await stripe.customers.create({
    email: "ada@example.com",
    metadata: { plan: "a&b" },
  });
  const amounts: number[] = [];
  for await (const charge of stripe.charges.list({ limit: 2 })) amounts.push(charge.amount);
  const payload = JSON.stringify({ id: "evt_1", object: "event" });
  const header = await stripe.webhooks.generateTestHeaderStringAsync({ payload, secret: "whsec" });
  const event = await stripe.webhooks.constructEventAsync(payload, header, "whsec");
  return { email: customer.email, metadata: customer.metadata, amounts, event: event.id };
}
