/** Makes a client. */
import { PrismaClient } from "npm:@prisma/client@6.19.0";

export default () => ({ client: typeof new PrismaClient() });
