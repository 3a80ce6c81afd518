import { hostileTest } from "./mode.ts";

hostileTest("process");
