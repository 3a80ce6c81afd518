import { hostileTest } from "./mode.ts";

hostileTest("bubblewrap");
