/** What invocations of a pool with the default limits return, print, forge and change. */
import "./outcomes.ts";
import "./logs.ts";
import "./forgery.ts";
import "./hostile.ts";
