// SPDX-License-Identifier: Apache-2.0
// What CockroachDB does otherwise than PostgreSQL, enforced on a PostgreSQL server: its own tables, whole numbers of 64
// bits, and transactions that are refused at any time with the request to begin them again. CockroachDB itself is not
// run by these tests.

import Testing
import XMPPCore
import XMPPPersistenceSQL

enum CockroachRules {
    /// Changes a database that has the schema.
    static func enforce(on database: PooledDatabase) async throws {
        for statement in functions { try await database.execute(SQLStatement(statement), []) }
        let tables = try await database.query(listTables, [])
        for table in try tables.map({ row in try row.text(0) }) {
            for statement in triggers(of: table) { try await database.execute(SQLStatement(statement), []) }
        }
        for row in try await database.query(listIntegers, []) {
            let change = "ALTER TABLE \(try row.text(0)) ALTER COLUMN \(try row.text(1)) TYPE BIGINT"
            try await database.execute(SQLStatement(change), [])
        }
    }

    /// How many transactions were told to begin again.
    static func restartCount(of database: PooledDatabase) async throws -> Int64 {
        let statement = SQLStatement(
            "SELECT CAST(CASE WHEN is_called THEN last_value ELSE 0 END AS BIGINT) FROM restarts")
        return try await database.query(statement, []).first?.integer(0) ?? 0
    }

    /// One transaction of six is refused at its first statement that writes, and one at its commit. A sequence, which
    /// no transaction undoes, counts them.
    private static let functions = [
        "CREATE SEQUENCE restarts",
        """
        CREATE FUNCTION restart(part BIGINT) RETURNS VOID AS $$ BEGIN \
        IF CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT) % 6 = part THEN PERFORM nextval('restarts'); \
        RAISE EXCEPTION 'restart transaction' USING ERRCODE = '40001'; END IF; END $$ LANGUAGE plpgsql
        """,
        """
        CREATE FUNCTION restart_at_once() RETURNS TRIGGER AS $$ BEGIN PERFORM restart(0); RETURN NULL; END $$ \
        LANGUAGE plpgsql
        """,
        """
        CREATE FUNCTION restart_at_commit() RETURNS TRIGGER AS $$ BEGIN PERFORM restart(1); RETURN NULL; END $$ \
        LANGUAGE plpgsql
        """,
    ]

    private static func triggers(of table: String) -> [String] {
        [
            """
            CREATE TRIGGER restart_at_once BEFORE INSERT OR UPDATE OR DELETE ON \(table) \
            FOR EACH STATEMENT EXECUTE FUNCTION restart_at_once()
            """,
            """
            CREATE CONSTRAINT TRIGGER restart_at_commit AFTER INSERT OR UPDATE OR DELETE ON \(table) \
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION restart_at_commit()
            """,
        ]
    }

    private static let listTables = SQLStatement(
        "SELECT CAST(table_name AS TEXT) FROM information_schema.tables WHERE table_schema = current_schema()"
    )
    private static let listIntegers = SQLStatement(
        """
        SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT) FROM information_schema.columns \
        WHERE table_schema = current_schema() AND data_type = 'integer'
        """
    )
}

@Suite(.enabled(if: DatabaseServer.cockroachRules.isThere), .timeLimit(.minutes(5)))
struct CockroachRulesTests {
    /// The rules are of no use where they do not bite.
    @Test func transactionsAreRefusedAndDoneNevertheless() async throws {
        try await DatabaseServer.cockroachRules.withDatabase { database in
            _ = try await Schema.apply(database)  // what it did is not the point
            try await CockroachRules.enforce(on: database)
            let accounts = Storage(database: database, logger: Backend.logger).accounts
            for number in 0..<30 {
                let account = try BareJID("account\(number)@capulet.example")
                try await accounts.create(account, credential: AccountCredential(password: "p"), accountCountMax: nil)
            }
            let count = try await accounts.accountCount(in: "capulet.example")
            #expect(count == 30)
            let restartCount = try await CockroachRules.restartCount(of: database)
            #expect(restartCount >= 5)
            let drifts = try await Schema.verify(database)
            #expect(drifts.isEmpty)
        }
    }
}
