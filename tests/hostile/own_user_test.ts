/** The mode of containers that deny namespaces and root: functions run as the user of the server, in forks. */
import { hostileTest } from "./mode.ts";

const USER = 10_001;

if (Deno.uid() === 0) {
  hostileTest("landlock", {
    user: USER,
    classes: ["file system", "environment", "processes", "descriptors", "network"],
  });
}
