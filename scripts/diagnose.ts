/** Prints what this machine lacks of what tests depend on, for `TEST_DIAGNOSIS`. */
import { diagnoseMachine } from "../tests/support/diagnosis.ts";

console.log(JSON.stringify(await diagnoseMachine()));
