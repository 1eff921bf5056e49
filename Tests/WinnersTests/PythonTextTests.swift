import Testing

@testable import Winners

@Suite struct PythonTextTests {
    @Test func bytesAsPythonPrintsThem() {
        #expect(PythonText.bytes("b'a cat'") == "a cat")
        #expect(PythonText.bytes(#"b"a dog's \xc3\xa9\n""#) == "a dog's é\n")
        #expect(PythonText.bytes("  b'a'  ") == "a")
        for text in ["a cat", "b'a", "b'a' b", #"b'\xff'"#, #"b'\x"#, "b", ""] { #expect(PythonText.bytes(text) == nil, "\(text)") }
    }

    @Test func listsAsPythonPrintsThem() {
        #expect(PythonText.list(#"['a', "b's", 'c\'d', '\u00e9',]"#) == ["a", "b's", "c'd", "é"])
        #expect(PythonText.list("[]") == [])
        for text in ["['a'", "['a' 'b']", "[a]", "['a'] b", "a", "[", ""] { #expect(PythonText.list(text) == nil, "\(text)") }
        #expect(PythonText.count("[['0:00', '0:01'], ['0:02', '0:03']]") == 2)
        #expect(PythonText.count("[0.4, None, 'a']") == 3)
        #expect(PythonText.count("[[[1]]]") == nil)
        #expect(PythonText.count("[,]") == nil)
    }
}
