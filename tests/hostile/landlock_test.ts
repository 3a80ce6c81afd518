import { hostileTest } from "./mode.ts";

hostileTest("landlock");
