//! Streams as a client reads them, read by read.

use serde_json::Value;

/// What came of a stream.
#[derive(Debug)]
pub(crate) struct Streamed {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    /// What single reads gave.
    pub(crate) reads: Vec<Vec<u8>>,
    /// Whether the connection broke before the body ended in order.
    pub(crate) is_broken: bool,
}

pub(crate) async fn read(request: reqwest::RequestBuilder) -> Streamed {
    let mut response = request.send().await.unwrap();
    let content_type = response.headers()["content-type"].to_str().unwrap().to_owned();
    let mut streamed =
        Streamed { status: response.status().as_u16(), content_type, reads: Vec::new(), is_broken: false };
    loop {
        match response.chunk().await {
            Ok(Some(bytes)) => streamed.reads.push(bytes.to_vec()),
            Ok(None) => return streamed,
            Err(_) => {
                streamed.is_broken = true;
                return streamed;
            }
        }
    }
}

impl Streamed {
    pub(crate) fn body(&self) -> String {
        String::from_utf8(self.reads.concat()).unwrap()
    }

    /// The events of a stream whose frames end by `end`, without `data: `. Comments are left out.
    pub(crate) fn frames(&self, end: &str) -> Vec<String> {
        assert_eq!((self.status, self.is_broken), (200, false), "{}", self.body());
        assert!(self.content_type.starts_with("text/event-stream"), "{}", self.content_type);
        let body = self.body();
        let frames = body.strip_suffix(end).unwrap_or_else(|| panic!("does not end by {end:?}: {body}")).split(end);
        let events = frames.filter(|frame| !frame.starts_with(": "));
        events.map(|frame| frame.strip_prefix("data: ").unwrap_or_else(|| panic!("{frame:?}")).to_owned()).collect()
    }

    /// The same as JSON.
    pub(crate) fn events(&self, end: &str) -> Vec<Value> {
        self.frames(end).iter().map(|frame| serde_json::from_str(frame).unwrap()).collect()
    }
}
