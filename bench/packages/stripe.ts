/** Makes a client at the top of the module, and retrieves a customer, which a function without a network answers. */
import Stripe from "npm:stripe@23.1.0";

const httpClient = Stripe.createFetchHttpClient(async () => Response.json({ id: "cus_1" }));
const stripe = new Stripe("sk_test", { httpClient });

export default async () => ({ id: (await stripe.customers.retrieve("cus_1")).id });
