/** Describes an input at the top of the module, and checks one. */
import { z } from "npm:zod@4.6.7";

const Input = z.object({ name: z.string().min(1), age: z.number().int() });

export default () => Input.parse({ name: "Ada", age: 36 });
