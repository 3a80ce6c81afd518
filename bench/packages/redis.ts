/** Makes a client at the top of the module, which does not connect. */
import { createClient } from "npm:redis@6.3.1";

const client = createClient({ url: "redis://localhost:6379" });

export default () => ({ open: client.isOpen });
