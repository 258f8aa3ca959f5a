import { render } from "preact";
import { App } from "./App";
import { navigation } from "./navigation";
import { server } from "./server/server";
import "./styles/base.css";
import "./styles/bar.css";
import "./styles/grid.css";
import "./styles/subject.css";
import "./styles/notices.css";
import "./styles/search.css";
import "./styles/why.css";

navigation.start();
server.start();
const page = document.getElementById("page");
if (page) render(<App />, page);
