//! The machine that makes objects of instructions.

use std::collections::HashMap;

use super::{Bytes, Global, Objects, Value, rebuild};
use crate::weights::fault::Fault;

/// Pickles with more instructions are refused: a state dictionary takes about 30 for each tensor.
const MAX_INSTRUCTIONS: usize = 1_000_000;

/// No name of the table takes more.
const MAX_ARGUMENTS: usize = 16;

/// What a pickle holds.
#[derive(Debug)]
pub(in crate::weights) struct Pickle<'a> {
    /// All that was made.
    pub objects: Objects<'a>,
    /// The one that the pickle is about.
    pub root: Value<'a>,
    /// How many bytes of the file lie before its end.
    pub end: usize,
}

/// Reads the pickle that begins at `start` in `bytes`.
///
/// Every instruction makes at most one object of some 50 bytes, and none of a size that only the file
/// states: a pickle can take no more than about 100 MB.
///
/// # Errors
///
/// The first instruction or name that no state dictionary needs, or that makes no sense where it
/// stands.
pub(in crate::weights) fn unpickle(bytes: &[u8], start: usize) -> Result<Pickle<'_>, Fault> {
    let mut machine = Machine {
        bytes: Bytes::at(bytes, start),
        objects: Objects::default(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
    };
    for _ in 0..MAX_INSTRUCTIONS {
        if let Some(root) = machine.step()? {
            return Ok(Pickle { objects: machine.objects, root, end: machine.bytes.position() });
        }
    }
    Err(format!("its pickle has more than {MAX_INSTRUCTIONS} instructions").into())
}

struct Machine<'a> {
    bytes: Bytes<'a>,
    objects: Objects<'a>,
    stack: Vec<Value<'a>>,
    /// Heights of the stack.
    marks: Vec<usize>,
    memo: HashMap<u32, Value<'a>>,
}

impl<'a> Machine<'a> {
    /// Does one instruction; the result at the end.
    fn step(&mut self) -> Result<Option<Value<'a>>, Fault> {
        let position = self.bytes.position();
        let instruction = self.bytes.u8()?;
        match instruction {
            b'.' => return Ok(Some(self.pop()?)), // STOP
            0x80 => self.protocol()?,
            0x95 => _ = self.bytes.u64()?, // FRAME: how much to read at once.
            b'(' => self.marks.push(self.stack.len()),
            b'0' => _ = self.pop()?,
            b'N' => self.stack.push(Value::None),
            0x88 => self.stack.push(Value::Bool(true)),
            0x89 => self.stack.push(Value::Bool(false)),
            b'J' | b'K' | b'M' | 0x8a => self.whole_number(instruction)?,
            b'G' => self.skip(8)?, // BINFLOAT
            b'C' | b'B' | 0x8e => {
                let length = self.length(instruction == b'C', instruction == b'B')?;
                self.skip(length)?;
            }
            b'U' | b'T' | b'X' | 0x8c | 0x8d => {
                let is_short = matches!(instruction, b'U' | 0x8c);
                let length = self.length(is_short, instruction != 0x8d)?;
                self.text(length)?;
            }
            b'}' => self.make_dict(),
            b']' | b')' => self.make_list(Vec::new()),
            b't' | b'l' => {
                let items = self.above_mark()?;
                self.make_list(items);
            }
            0x85..=0x87 => {
                let items = self.pop_many(usize::from(instruction - 0x84))?;
                self.make_list(items);
            }
            b'a' | b'e' => self.append(instruction)?,
            b's' | b'u' => self.set_items(instruction)?,
            b'q' | b'r' | 0x94 => self.remember(instruction)?,
            b'h' | b'j' => self.recall(instruction)?,
            b'c' | 0x93 => self.global(instruction)?,
            b'Q' => {
                let id = self.pop()?;
                let storage = rebuild::storage(&mut self.objects, id)?;
                self.stack.push(storage);
            }
            b'R' => self.reduce()?,
            b'b' => self.build()?,
            _ => {
                let reason = format!(
                    "its pickle has instruction {instruction:#04x} at {position}, which no state \
                     dictionary needs"
                );
                return Err(reason.into());
            }
        }
        Ok(None)
    }

    fn protocol(&mut self) -> Result<(), Fault> {
        match self.bytes.u8()? {
            2..=5 => Ok(()),
            other => Err(format!("its pickle is of protocol {other}, wanted 2 to 5").into()),
        }
    }

    fn whole_number(&mut self, instruction: u8) -> Result<(), Fault> {
        let value = match instruction {
            b'J' => Value::Int(i32::from_le_bytes(self.bytes.array()?).into()),
            b'K' => Value::Int(self.bytes.u8()?.into()),
            b'M' => Value::Int(self.bytes.u16()?.into()),
            _ => {
                let length = self.bytes.u8()?;
                let digits = self.bytes.take(length.into())?;
                little_endian(digits).map_or(Value::Other, Value::Int)
            }
        };
        self.stack.push(value);
        Ok(())
    }

    /// A value that says nothing about tensors.
    fn skip(&mut self, length: u64) -> Result<(), Fault> {
        self.bytes.take(length)?;
        self.stack.push(Value::Other);
        Ok(())
    }

    /// The length of what follows, in 1, 4 or 8 bytes.
    fn length(&mut self, is_short: bool, is_medium: bool) -> Result<u64, Fault> {
        Ok(match (is_short, is_medium) {
            (true, _) => self.bytes.u8()?.into(),
            (_, true) => self.bytes.u32()?.into(),
            (false, false) => self.bytes.u64()?,
        })
    }

    fn text(&mut self, length: u64) -> Result<(), Fault> {
        let text = std::str::from_utf8(self.bytes.take(length)?);
        self.stack.push(Value::Text(text.map_err(|_| "its pickle has a text that is not UTF-8")?));
        Ok(())
    }

    fn make_dict(&mut self) {
        let dict = self.objects.dict();
        self.stack.push(dict);
    }

    fn make_list(&mut self, items: Vec<Value<'a>>) {
        let list = self.objects.list(items);
        self.stack.push(list);
    }

    fn append(&mut self, instruction: u8) -> Result<(), Fault> {
        let items = if instruction == b'a' { self.pop_many(1)? } else { self.above_mark()? };
        match self.stack.last() {
            Some(&Value::List(index)) => self.objects.lists[index].extend(items),
            _ => return Err("its pickle appends to something that is no list".into()),
        }
        Ok(())
    }

    fn set_items(&mut self, instruction: u8) -> Result<(), Fault> {
        let items = if instruction == b's' { self.pop_many(2)? } else { self.above_mark()? };
        let (pairs, []) = items.as_chunks::<2>() else {
            return Err("its pickle has a key without a value".into());
        };
        match self.stack.last() {
            Some(&Value::Dict(index)) => {
                self.objects.dicts[index].extend(pairs.iter().map(|&[key, value]| (key, value)));
                Ok(())
            }
            _ => Err("its pickle sets items of something that is no dictionary".into()),
        }
    }

    fn remember(&mut self, instruction: u8) -> Result<(), Fault> {
        let number = match instruction {
            b'q' => self.bytes.u8()?.into(),
            b'r' => self.bytes.u32()?,
            _ => u32::try_from(self.memo.len()).expect("fewer than instructions"),
        };
        let value = *self.stack.last().ok_or("its pickle remembers nothing")?;
        self.memo.insert(number, value);
        Ok(())
    }

    fn recall(&mut self, instruction: u8) -> Result<(), Fault> {
        let number =
            if instruction == b'h' { self.bytes.u8()?.into() } else { self.bytes.u32()? };
        let value = self.memo.get(&number);
        self.stack.push(*value.ok_or_else(|| format!("its pickle never made object {number}"))?);
        Ok(())
    }

    fn global(&mut self, instruction: u8) -> Result<(), Fault> {
        let (module, name) = if instruction == b'c' {
            let [module, name] = [self.bytes.line()?, self.bytes.line()?];
            match (std::str::from_utf8(module), std::str::from_utf8(name)) {
                (Ok(module), Ok(name)) => (module, name),
                _ => return Err("its pickle has a name that is not UTF-8".into()),
            }
        } else {
            match self.pop_many(2)?[..] {
                [Value::Text(module), Value::Text(name)] => (module, name),
                _ => return Err("its pickle has a name that is no text".into()),
            }
        };
        self.stack.push(Value::Global(Global::find(module, name)?));
        Ok(())
    }

    fn reduce(&mut self) -> Result<(), Fault> {
        let [function, arguments] = self.pop_many(2)?[..] else { unreachable!("two were popped") };
        let Value::Global(global) = function else {
            return Err("its pickle calls something that is no name".into());
        };
        let arguments =
            self.objects.items(arguments).ok_or("its pickle calls without arguments")?;
        if MAX_ARGUMENTS < arguments.len() {
            return Err(format!("its pickle calls {global:?} with too many arguments").into());
        }
        let arguments = arguments.to_vec();
        let value = rebuild::reduce(&mut self.objects, global, &arguments)?;
        self.stack.push(value);
        Ok(())
    }

    /// Attributes of a dictionary, such as the versions of its modules, are passed over: they say
    /// nothing about tensors.
    fn build(&mut self) -> Result<(), Fault> {
        self.pop()?;
        match self.stack.last() {
            Some(Value::Dict(_)) => Ok(()),
            _ => Err("its pickle sets attributes of something that is no dictionary".into()),
        }
    }

    fn pop(&mut self) -> Result<Value<'a>, Fault> {
        Ok(self.pop_many(1)?[0])
    }

    /// The last `n` values, which must lie above the last mark.
    fn pop_many(&mut self, n: usize) -> Result<Vec<Value<'a>>, Fault> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.len().checked_sub(n) {
            Some(start) if floor <= start => Ok(self.stack.split_off(start)),
            _ => Err("its pickle takes what it has not made".into()),
        }
    }

    fn above_mark(&mut self) -> Result<Vec<Value<'a>>, Fault> {
        let mark = self.marks.pop().ok_or("its pickle has no mark where it needs one")?;
        Ok(self.stack.split_off(mark))
    }
}

/// A whole number in two's complement, if 64 bits hold it.
fn little_endian(digits: &[u8]) -> Option<i64> {
    if 8 < digits.len() {
        return None;
    }
    let sign = digits.last().map_or(0, |it| if it >> 7 == 1 { 0xff } else { 0 });
    let mut bytes = [sign; 8];
    bytes[..digits.len()].copy_from_slice(digits);
    Some(i64::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(program: &[u8], want: Value<'_>) {
        let pickle = unpickle(program, 0).unwrap();
        assert_eq!(pickle.root, want);
        assert_eq!(pickle.end, program.len());
    }

    #[test]
    fn whole_numbers_have_many_forms() {
        check(b"\x80\x02K\xff.", Value::Int(255));
        check(b"M\x01\x02.", Value::Int(0x201));
        check(b"J\xfe\xff\xff\xff.", Value::Int(-2));
        check(b"\x8a\x00.", Value::Int(0));
        check(b"\x8a\x02\x00\xff.", Value::Int(-256));
        check(b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f.", Value::Int(i64::MAX));
        check(b"\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01.", Value::Other);
    }

    #[test]
    fn texts_have_many_forms() {
        for program in [
            &b"X\x02\x00\x00\x00hi."[..],
            b"\x8c\x02hi.",
            b"\x8d\x02\x00\x00\x00\x00\x00\x00\x00hi.",
            b"U\x02hi.",
            b"T\x02\x00\x00\x00hi.",
        ] {
            check(program, Value::Text("hi"));
        }
    }

    #[test]
    fn what_is_remembered_is_the_same_object() {
        // A dictionary that is filled after it was remembered, then recalled.
        let pickle = unpickle(b"}q\x05(K\x01K\x02u0h\x05.", 0).unwrap();
        let Value::Dict(index) = pickle.root else { panic!("{:?}", pickle.root) };
        assert_eq!(pickle.objects.dicts[index], [(Value::Int(1), Value::Int(2))]);
    }

    #[test]
    fn a_dictionary_of_pairs_is_read_as_python_2_writes_it() {
        // [["a", 1]]: a list of one list, in a tuple.
        let program = b"ccollections\nOrderedDict\n](](U\x01aK\x01ee\x85R.";
        let pickle = unpickle(program, 0).unwrap();
        let Value::Dict(index) = pickle.root else { panic!("{:?}", pickle.root) };
        assert_eq!(pickle.objects.dicts[index], [(Value::Text("a"), Value::Int(1))]);
    }

    #[track_caller]
    fn check_refused(program: &[u8], reason: &str) {
        let fault = unpickle(program, 0).unwrap_err();
        assert!(format!("{fault:?}").contains(reason), "{fault:?}");
    }

    #[test]
    fn programs_that_make_no_sense_are_refused() {
        check_refused(b"", "it ends");
        check_refused(b"\x80\x00.", "protocol 0");
        check_refused(b".", "has not made");
        check_refused(b"K\x01(a.", "has not made");
        check_refused(b"e.", "no mark");
        check_refused(b"K\x01K\x02a.", "no list");
        check_refused(b"]K\x01K\x02s.", "no dictionary");
        check_refused(b"}(K\x01u.", "a key without a value");
        check_refused(b"h\x07.", "never made object 7");
        check_refused(b"q\x07.", "remembers nothing");
        check_refused(b"X\xff\xff\xff\xffhi.", "wanted 4294967295 bytes");
        check_refused(b"\x8d\xff\xff\xff\xff\xff\xff\xff\xffhi.", "it ends");
        check_refused(b"K\x01)R.", "no name");
        check_refused(b"]}b.", "no dictionary");
        check_refused(b"K\x01Q.", "no storage");
        check_refused(b"I5\n.", "instruction 0x49 at 0");
    }

    #[test]
    fn foreign_names_end_the_reading() {
        check_refused(b"cos\nsystem\n(X\x04\x00\x00\x00true\x85R.", "`os.system`");
        check_refused(b"\x8c\x08builtins\x8c\x04eval\x93.", "`builtins.eval`");
    }

    #[test]
    fn circles_are_harmless() {
        // A list that holds itself, and a dictionary that does.
        assert!(unpickle(b"]q\x00h\x00a.", 0).is_ok());
        assert!(unpickle(b"}q\x00K\x01h\x00s.", 0).is_ok());
    }

    #[test]
    fn what_repeats_without_end_is_refused() {
        check_refused(&b"]".repeat(MAX_INSTRUCTIONS + 1), "more than 1000000 instructions");
        // A list of 1000 pairs of which dictionaries are made again and again.
        let pair = b"]q\x02(U\x01aK\x01e0".as_slice();
        let list = [pair, b"]q\x01(", &b"h\x02".repeat(1000), b"e0"].concat();
        let name = b"ccollections\nOrderedDict\nq\x030";
        let copies = b"h\x03h\x01\x85R0".repeat(2000);
        check_refused(&[&list[..], name, &copies, b"N."].concat(), "again and again");
    }
}
