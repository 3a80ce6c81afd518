/** Makes a random identifier. */
import { nanoid } from "npm:nanoid@6.0.2";

export default () => ({ length: nanoid().length });
