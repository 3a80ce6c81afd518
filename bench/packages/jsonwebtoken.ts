/** Signs a token, and verifies it. */
import jwt from "npm:jsonwebtoken@9.0.3";

export default () => ({ sub: jwt.verify(jwt.sign({ sub: "ada" }, "secret"), "secret").sub });
