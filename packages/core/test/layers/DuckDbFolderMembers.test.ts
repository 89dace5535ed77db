import { folderMembersConformance } from "../../src/testing/FolderMembersConformance.ts"
import { freshPorts } from "./RegistryFolder.ts"

folderMembersConformance("duckdb", freshPorts)
