/** Requests over HTTPS, with parameters, a JSON body, an interceptor and an error. */
import axios from "npm:axios@1.21.1";

export default async function main({ https }: { https: string }) {
  const client = axios.create({ baseURL: https, headers: { "x-client": "axios" } });
  client.interceptors.request.use((config) => {
    config.headers.set("x-intercepted", "yes");
    return config;
  });
  const { status, data } = await client.post("/echo", { a: 1 }, { params: { q: "x y" } });
  const failed = await client.get("/status/404").catch((error) => error.response.status);
  return { status, ...data, failed, isAxios: axios.isAxiosError(new axios.AxiosError("x")) };
}
