import { conversionRepositoryContract } from "../../contracts/conversion-repository.ts";
import { d1 } from "../support/database.ts";

conversionRepositoryContract("D1", async () => d1);
